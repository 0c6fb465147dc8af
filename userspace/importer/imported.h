// SPDX-License-Identifier: Apache-2.0
// What an importer gives: a configuration, where its values came from, and what could not be carried over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/mesh.h"

namespace shunt::importer {

struct Remark {
    bool differs = false;  // true: shunt will behave differently; false: the setting has no meaning here
    std::string text;      // one line: "-b: inbound ports are not shunt's business"
};

// Key path ("capture.excludeOutboundPorts") -> what it was made from ("-o"), for the comments of the YAML file.
using Origins = std::map<std::string, std::string>;

struct Imported {
    model::Mesh mesh;
    Origins origins;
    std::vector<Remark> remarks;
};

// The keys that no source knows: they say where the workload runs, not what its traffic does.
struct Surroundings {
    std::vector<std::string> cgroups;  // empty: /mesh
    std::string proxy_cgroup;          // empty: none
    std::vector<base::Address> client_addresses;
};

}  // namespace shunt::importer
