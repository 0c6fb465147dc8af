// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace shunt::telemetry {

// Paths below the cgroup2 mount ("/mesh") of the cgroups with these ids; those that are gone are missing.
std::map<std::uint64_t, std::string> cgroup_paths(const std::set<std::uint64_t>& ids);

// The same one by one, as they turn up, and remembered.
class CgroupNames {
public:
    // Empty where it is gone. The reference is good for the object's life.
    const std::string& of(std::uint64_t id);

private:
    std::map<std::uint64_t, std::string> known_;
};

}  // namespace shunt::telemetry
