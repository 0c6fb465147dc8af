// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace shunt::kernel {

// Counted by the kernel since the program was loaded, and only while statistics are on.
struct ProgramStats {
    std::string name;  // of the pin
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0;
};

// Of every program pinned in `directory`, sorted by name.
base::Result<std::vector<ProgramStats>> read_program_stats(const std::string& directory);

// sysctl kernel.bpf_stats_enabled. A tool may have statistics on without it, for as long as it runs.
bool program_stats_enabled();

}  // namespace shunt::kernel
