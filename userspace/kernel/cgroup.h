// SPDX-License-Identifier: Apache-2.0
// The cgroup2 hierarchy: where it is mounted, and which cgroup a configured path means.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace shunt::kernel {

struct Cgroup {
    std::string path;         // absolute, in the file system
    std::uint64_t id = 0;     // kernfs id, as bpf_get_current_ancestor_cgroup_id() returns it
    std::uint32_t level = 0;  // depth below the hierarchy's real root; 0 = the root itself
};

// Mount point of cgroup2, from /proc/self/mountinfo; hybrid layouts (/sys/fs/cgroup/unified) included.
base::Result<std::string> cgroup2_mount();

// "/mesh" is looked up below the mount point; a path that already starts with the mount point is taken as it is.
base::Result<Cgroup> find_cgroup(const std::string& configured);

// Is it still there, and not another one that was made under its path since? One system call.
bool is_still(const Cgroup& cgroup);

// Where the cgroup with this id is, below the mount point ("/" for the root); empty where it is gone. Needs
// CAP_DAC_READ_SEARCH.
base::Result<std::string> cgroup_path(std::uint64_t id);

// Visits a cgroup and all below it, by path, until `visit` says false. Cgroups come and go meanwhile: one that is gone
// ends nothing but itself, and may still be visited.
void walk_cgroups(const std::string& path, const std::function<bool(const std::string& path)>& visit);

}  // namespace shunt::kernel
