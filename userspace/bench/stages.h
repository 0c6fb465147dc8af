// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/bench.h"

namespace shunt::bench {

// Runs the stages that `options` names, in their order, into the report. Fails where a proof does.
base::Status measure(const Options& options, const Workplace& place, const StageProgress& progress, Report& report);

}  // namespace shunt::bench
