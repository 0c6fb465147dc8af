// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/bench.h"

namespace shunt::bench {

// The table at the end, for a terminal.
std::string to_text(const Report& report);

}  // namespace shunt::bench
