// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "telemetry/snapshot.h"

namespace shunt::telemetry {

base::Result<Counters> read_counters_in(const std::string& directory);

}  // namespace shunt::telemetry
