// SPDX-License-Identifier: Apache-2.0
// What the kernel says each BPF program of the shunt arms takes: run_time_ns over run_cnt, in a pass of its own,
// because counting slows every run down.
#pragma once

#include <string>
#include <vector>

#include "bench/connect_stage.h"

namespace shunt::bench {

struct ProgramCost {
    std::string arm;
    Family family = Family::kV4;
    std::string program;
    double runs_per_connection = 0;
    double ns_per_run = 0;  // with what counting adds
    std::uint32_t machine_bytes = 0;
};

// Of the plan, what a batch is; its rounds and its time are those of connect().
// Batches of each arm and family until then, which is late for all of them together.
base::Result<std::vector<ProgramCost>> run_programs(std::vector<Arm>& arms, const ConnectPlan& plan,
                                                    const Progress& progress);

}  // namespace shunt::bench
