// SPDX-License-Identifier: Apache-2.0
// connect() and changes under policies of more and more entries.
#pragma once

#include <string>
#include <vector>

#include "bench/connect_stage.h"
#include "bench/statistics.h"

namespace shunt::bench {

struct GrowthPoint {
    std::string arm;
    unsigned entries = 0;
    Figures figures;
    double apply_ms = 0;  // one change, as Arm::apply_change() makes it
};

struct GrowthResult {
    std::vector<GrowthPoint> points;
    std::vector<ArmProof> proofs;
};

// The packet filter is measured up to here: beyond, each connection takes longer than all of shunt's batch.
inline constexpr unsigned kMostFilterEntries = 10000;

// The same destinations in every arm, whatever the size of its policy: none of them is a listener of the small ones.
base::Result<GrowthResult> run_growth(const Workplace& place, const std::vector<unsigned>& sizes,
                                      const ConnectPlan& plan, int cpu, const Progress& progress);

}  // namespace shunt::bench
