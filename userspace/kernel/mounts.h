// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace shunt::kernel {

struct Mount {
    std::string root;   // of the file system, inside it
    std::string point;  // where it is mounted
    std::string type;
};

// /proc/self/mountinfo, in mount order; later mounts may cover earlier ones.
base::Result<std::vector<Mount>> read_mounts();

}  // namespace shunt::kernel
