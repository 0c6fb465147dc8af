// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "telemetry/metrics.h"

namespace shunt::diagnose {

// For each address of a proxy, of any scope: what listens there, in each network namespace that has captured processes
// of a scope with that proxy. Addresses beyond the 32nd are one, "other".
// Reads /proc only, so that it needs neither CAP_SYS_PTRACE nor CAP_SYS_ADMIN, which a controller does not have.
std::vector<telemetry::ProxyReach> proxy_reach(const telemetry::Snapshot& snapshot);

}  // namespace shunt::diagnose
