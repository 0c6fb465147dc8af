// SPDX-License-Identifier: Apache-2.0
// Is everything there that a redirected connection needs? Looks, and changes nothing of the user's.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "diagnose/finding.h"
#include "kernel/paths.h"
#include "model/mesh.h"

namespace shunt::diagnose {

struct Options {
    kernel::Paths paths;
    std::optional<model::Mesh> mesh;  // what should be in force; without it, what the pins say
    bool probe = true;                // make a connection through the real programs, in a place of its own
};

struct Report {
    std::map<std::string, bool> features;  // empty without the privilege to find out
    Findings findings;
};

Report diagnose(const Options& options);

}  // namespace shunt::diagnose
