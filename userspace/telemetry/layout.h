// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "kernel/paths.h"

namespace shunt::telemetry {

// Where the pins to be read are.
struct Layout {
    std::string root;
    std::string directory;  // ROOT/<abi hash>; empty where nothing is installed
};

// Fails where the root is there but may not be read, or is not ours: neither is the same as "not installed".
base::Result<Layout> find_layout(const kernel::Paths& paths);

// Does a process hold the controller's lock? Read from /proc/locks: trying the lock would make a controller that starts
// at that moment believe that another one runs.
bool is_locked(const std::string& directory);

}  // namespace shunt::telemetry
