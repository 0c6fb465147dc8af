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
    Kind kind = Kind::kMixed;
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

struct GrowthPlan {
    std::vector<unsigned> sizes;
    std::vector<Kind> kinds{Kind::kMixed};
    std::vector<std::string> arms{"shunt-address", "iptables-legacy"};
    ConnectPlan connects;
};

// The same destinations in every arm, whatever its policy: none of them is a listener of the small ones. The packet
// filter has no listeners, so it has no arm of that kind.
base::Result<GrowthResult> run_growth(const Workplace& place, const GrowthPlan& plan, int cpu,
                                      const Progress& progress);

}  // namespace shunt::bench
