// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "bench/bench.h"

namespace shunt::bench {

inline constexpr int kReportVersion = 2;

// The whole report: "arms.<name>.connect_added_p50_ns" and so on are of IPv4, the other families stand below
// "arms.<name>.families". Times in nanoseconds.
nlohmann::ordered_json to_json(const Report& report);

}  // namespace shunt::bench
