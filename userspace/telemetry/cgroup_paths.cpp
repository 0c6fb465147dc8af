// SPDX-License-Identifier: Apache-2.0
#include "telemetry/cgroup_paths.h"

#include <sys/stat.h>

#include "kernel/cgroup.h"

namespace shunt::telemetry {

std::map<std::uint64_t, std::string> cgroup_paths(const std::set<std::uint64_t>& ids) {
    std::map<std::uint64_t, std::string> found;
    const auto mount = kernel::cgroup2_mount();
    if (!mount || ids.empty()) return found;
    kernel::walk_cgroups(*mount, [&](const std::string& path) {
        struct stat entry {};
        // On 64-bit machines a kernfs inode's number is its id.
        if (stat(path.c_str(), &entry) == 0 && ids.contains(entry.st_ino))
            found.emplace(entry.st_ino, path == *mount ? "/" : path.substr(mount->size()));
        return found.size() < ids.size();
    });
    return found;
}

const std::string& CgroupNames::of(std::uint64_t id) {
    const auto found = known_.find(id);
    if (found != known_.end()) return found->second;
    auto path = kernel::cgroup_path(id);
    if (path) return known_.emplace(id, std::move(*path)).first->second;
    // Without the capability to open by id: look for it.
    const auto searched = cgroup_paths({id});
    return known_.emplace(id, searched.contains(id) ? searched.at(id) : std::string()).first->second;
}

}  // namespace shunt::telemetry
