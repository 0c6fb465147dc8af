// SPDX-License-Identifier: Apache-2.0
// What an installation's own pins say, for status and counters. Needs no controller. Reads only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/paths.h"
#include "shunt/abi.h"

namespace shunt::telemetry {

struct Counters {
    std::map<shunt_reason, std::uint64_t> reasons;  // every reason is present, also those with 0
    std::map<shunt_lane, std::uint64_t> lanes;
    std::map<shunt_event, std::uint64_t> events;
    std::uint64_t runs() const;  // of the connect programs: the sum of the reasons
};

struct LinkState {
    std::string pin;          // file name in links/
    std::string attach_type;  // cgroup_inet4_connect, ...
    std::uint32_t link_id = 0;
    std::uint32_t program_id = 0;
    std::uint64_t cgroup_id = 0;
    std::string cgroup;     // path below the cgroup2 mount; empty where the cgroup is gone
    bool attached = false;  // false: detached behind our back, or its cgroup was removed
    std::string intruder;   // name of the program in it where somebody exchanged ours; needs CAP_SYS_ADMIN to be seen
};

struct TableState {
    std::string name;
    std::uint32_t entries = 0;
    std::uint32_t capacity = 0;
};

struct Snapshot {
    bool installed = false;     // a pin directory with our maps exists
    std::string pin_directory;  // .../shunt/<abi hash>
    std::uint64_t generation = 0;
    bool controller_running = false;              // somebody holds the lock
    std::map<std::uint64_t, shunt_scope> scopes;  // of all scopes, by cgroup id; 0: the base scope
    std::uint32_t captured = 0;                   // cgroups that the configuration in force captures
    std::vector<LinkState> links;
    std::vector<TableState> tables;
    Counters counters;

    // Settings of the base scope; all zero where nothing is in force.
    shunt_scope base_scope() const {
        const auto found = scopes.find(0);
        return found == scopes.end() ? shunt_scope{} : found->second;
    }
};

// All of one generation, and of no half-done change: what appears or goes while it is read is read again.
base::Result<Snapshot> read_snapshot(const kernel::Paths& paths);
base::Result<Counters> read_counters(const kernel::Paths& paths);

}  // namespace shunt::telemetry
