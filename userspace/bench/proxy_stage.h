// SPDX-License-Identifier: Apache-2.0
// New connections through a real proxy: connect, request, response, close, one after the other.
#pragma once

#include <string>
#include <vector>

#include "bench/arms.h"
#include "bench/connect_stage.h"

namespace shunt::bench {

struct ProxyFigures {
    std::string arm;
    std::uint64_t connections = 0;
    double per_second = 0;  // median over rounds
    double p50_ns = 0, p99_ns = 0;
    double client_cpu_us = 0, proxy_cpu_us = 0;  // per connection, of the cgroups' cpu.stat
    ArmProof proof;
};

enum class RealProxy { kHaproxy, kEnvoy };
const char* to_string(RealProxy proxy);
// Why it cannot run here; empty: it can.
std::string missing_for(RealProxy proxy);

// The proxy answers every request with the original destination as it sees it, which is held against the one that was
// dialled. Arms without ends.
base::Result<std::vector<ProxyFigures>> run_proxy(RealProxy proxy, const Workplace& place, std::vector<Arm>& arms,
                                                  const Until& until, int cpu, std::uint64_t seed,
                                                  const Progress& progress);

}  // namespace shunt::bench
