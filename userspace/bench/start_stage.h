// SPDX-License-Identifier: Apache-2.0
// From the start of a controller to the first connection that is redirected, and the memory it then takes.
#pragma once

#include "bench/arms.h"

namespace shunt::bench {

struct StartResult {
    double protected_ms = 0;  // median of the runs
    double resident_mb = 0;   // the largest; VmRSS
    unsigned runs = 0;
};

// `shunt run`, this executable, with a small configuration and nothing pinned; each run in a place of its own.
base::Result<StartResult> run_starts(const Workplace& place, unsigned runs);

}  // namespace shunt::bench
