// SPDX-License-Identifier: Apache-2.0
// Connections that exist already: round trips and throughput between a client and an echoing proxy.
#pragma once

#include <string>
#include <vector>

#include "bench/arms.h"
#include "bench/connect_stage.h"
#include "bench/statistics.h"

namespace shunt::bench {

struct EchoFigures {
    std::string arm;
    double round_trip_small_ns = 0, round_trip_large_ns = 0;  // medians of batches, 32 bytes and 16 KiB each way
    double bytes_per_second = 0;                              // one way
    // Of the small round trip, paired by rounds.
    Estimate over_direct;
    bool distinguishable = false;  // further from 1 than direct-again
};

inline constexpr std::size_t kSmallMessage = 32, kLargeMessage = 16384;

// Arms without ends of their own (Ends::kNone); "direct" and "direct-again" among them.
struct EchoResult {
    std::vector<EchoFigures> figures;
    std::vector<ArmProof> proofs;  // of the one connection of each arm
};

base::Result<EchoResult> run_echo(const Workplace& place, std::vector<Arm>& arms, const Until& until, int cpu,
                                  std::uint64_t seed, const Progress& progress);

}  // namespace shunt::bench
