// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "telemetry/metrics.h"

namespace shunt::diagnose {

// For each of the proxy's addresses: what listens there, in each network namespace of the captured cgroups' processes.
// Reads /proc only, so that it needs neither CAP_SYS_PTRACE nor CAP_SYS_ADMIN, which a controller does not have.
std::vector<telemetry::ProxyReach> proxy_reach(const telemetry::Snapshot& snapshot);

}  // namespace shunt::diagnose
