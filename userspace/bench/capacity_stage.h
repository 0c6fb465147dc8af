// SPDX-License-Identifier: Apache-2.0
// How many connections live at once in one network namespace.
#pragma once

#include <string>
#include <vector>

#include "bench/arms.h"
#include "bench/connect_stage.h"

namespace shunt::bench {

struct CapacityFigures {
    std::string arm;
    std::uint64_t connections = 0;  // open at once, each with the right original destination
    std::string ended_by;           // the error that ended it, or kTimeIsOver; empty: the limit was reached
};

inline constexpr unsigned kCapacityDestinations = 200;
inline constexpr const char* kTimeIsOver = "its time is over";

// Opens connections, in steps of 500, until one fails, `limit` are open, or an arm's part of the time is over. Arms
// without ends. Proven like the others; where one failed, the redirection may have counted it.
base::Result<std::vector<CapacityFigures>> run_capacity(const Workplace& place, std::vector<Arm>& arms, unsigned limit,
                                                        Moment deadline, int cpu, const Progress& progress);

}  // namespace shunt::bench
