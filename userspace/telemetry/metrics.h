// SPDX-License-Identifier: Apache-2.0
// What a controller publishes for Prometheus. docs/operations.md lists every name.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
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

// Of one listener or cluster; at most kHitSeries of each are published, those with the most hits.
struct HitSeries {
    std::vector<std::pair<std::string, std::string>> labels;
    std::uint64_t hits = 0;
};
inline constexpr std::size_t kHitSeries = 100;

struct Metrics {
    std::string version, revision;
    Snapshot snapshot;
    std::vector<kernel::ProgramStats> programs;
    bool program_stats = false;
    std::vector<ProxyReach> proxy;
    std::vector<HitSeries> listeners, clusters;
    std::size_t listeners_left_out = 0, clusters_left_out = 0;
    ReloadScore score;
};

std::string to_prometheus(const Metrics& metrics);

}  // namespace shunt::telemetry
