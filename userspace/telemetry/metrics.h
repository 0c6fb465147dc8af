// SPDX-License-Identifier: Apache-2.0
// What a controller publishes for Prometheus. docs/operations.md lists every name.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel/program_stats.h"
#include "telemetry/snapshot.h"

namespace shunt::telemetry {

struct ReloadScore {
    std::chrono::system_clock::time_point started;
    std::chrono::system_clock::time_point last_good;  // the start counts
    std::uint64_t applied = 0;
    std::uint64_t refused = 0;
    bool latest_refused = false;
    std::uint64_t repairs = 0;  // of what others took away
    std::size_t broken = 0;     // what cannot be repaired now
};

// Network namespaces with captured processes, by what listens there on the proxy's port.
struct ProxyReach {
    std::string address;  // as configured
    std::size_t listening = 0;
    std::size_t elsewhere = 0;  // on another address than redirected connections go to
    std::size_t absent = 0;
};

struct Metrics {
    std::string version, revision;
    Snapshot snapshot;
    std::vector<kernel::ProgramStats> programs;
    bool program_stats = false;
    std::vector<ProxyReach> proxy;
    ReloadScore score;
};

std::string to_prometheus(const Metrics& metrics);

}  // namespace shunt::telemetry
