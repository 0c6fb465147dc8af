// SPDX-License-Identifier: Apache-2.0
// connect() alone: small batches of every arm and family by turns, in an order that changes from round to round, so
// that whatever else the machine does hits all of them alike.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/arms.h"
#include "bench/budget.h"
#include "bench/proof.h"

namespace shunt::bench {

// One arm and family: rounds[r] holds the nanoseconds of the connections of round r.
struct Series {
    std::string arm;
    Family family = Family::kV4;
    std::vector<std::vector<std::uint32_t>> rounds;
};

struct ConnectPlan {
    Until until;
    unsigned batch = 512;  // timed connections
    unsigned warm_up =
        512;  // before them, to fill caches that the other arms have used; they are proven too, not timed
    std::uint64_t seed = 1;
    std::vector<Family> families;  // only these; empty: all that an arm has
};

struct ConnectResult {
    std::vector<Series> series;
    std::vector<ArmProof> proofs;  // one for each arm
};

// `progress` is told the part done (0-1) and says whether to go on; false ends the run with an error.
using Progress = std::function<bool(double)>;

// One batch: dial, look at it from the proxy's side, let go. Adds to the proof; gives nanoseconds of each connect().
base::Result<Words> run_batch(Arm& arm, const BatchRequest& request, ArmProof& proof);

base::Result<ConnectResult> run_connects(std::vector<Arm>& arms, const ConnectPlan& plan, const Progress& progress);

}  // namespace shunt::bench
