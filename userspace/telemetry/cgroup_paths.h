// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace shunt::telemetry {

// Paths below the cgroup2 mount ("/mesh") of the cgroups with these ids; those that are gone are missing.
std::map<std::uint64_t, std::string> cgroup_paths(const std::set<std::uint64_t>& ids);

}  // namespace shunt::telemetry
