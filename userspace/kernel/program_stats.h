// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/fd.h"

namespace shunt::kernel {

// Counted by the kernel since the program was loaded, and only while statistics are on.
struct ProgramStats {
    std::string name;  // of the pin
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0;
    std::uint32_t machine_bytes = 0;  // of translated code; 0: interpreted
};

// Of every program pinned in `directory`, sorted by name.
base::Result<std::vector<ProgramStats>> read_program_stats(const std::string& directory);

// sysctl kernel.bpf_stats_enabled. A tool may have statistics on without it, for as long as it runs.
bool program_stats_enabled();

// Has the kernel count until the Fd is closed, whatever the sysctl says. Each counted run takes some 20-50 ns longer.
base::Result<Fd> count_program_runs();

}  // namespace shunt::kernel
