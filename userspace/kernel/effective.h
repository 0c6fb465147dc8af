// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace shunt::kernel {

struct EffectiveProgram {
    std::uint32_t id = 0;
    std::string name;  // empty: may not be asked without CAP_SYS_ADMIN
};

// As loaded, of at most 15 characters; empty: gone, or may not be asked without CAP_SYS_ADMIN.
std::string program_name(std::uint32_t id);

// Programs that run for sockets of a cgroup, its own and its parents', in the order of running. `attach_type` is a name
// as LinkInfo has it (cgroup_inet4_connect). No program is held longer than it takes to read its name.
base::Result<std::vector<EffectiveProgram>> effective_programs(const std::string& cgroup_path,
                                                               const std::string& attach_type);

}  // namespace shunt::kernel
