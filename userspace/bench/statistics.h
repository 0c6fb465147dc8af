// SPDX-License-Identifier: Apache-2.0
// From series of batches to figures. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "bench/connect_stage.h"
#include "bench/histogram.h"

namespace shunt::bench {

// A figure with the interval that 95 % of bootstrap samples over rounds fall into.
struct Estimate {
    double value = 0;
    double low = 0;
    double high = 0;
};

// What is said about one arm and family.
struct Figures {
    std::string arm;
    Family family = Family::kV4;
    std::uint64_t connections = 0;               // timed ones
    double p50 = 0, p90 = 0, p99 = 0, p999 = 0;  // nanoseconds, of all connections together
    double per_second = 0;                       // connect() calls one thread can make, from the mean
    // Against "direct" of the same family. Added: the median over rounds of (batch median - direct's batch median).
    Estimate added_p50;
    Estimate added_p99;  // of all together
    Estimate p99_over_direct;
    Estimate over_legacy;          // added p50 over that of iptables-legacy; 0 where that is missing
    bool distinguishable = false;  // the added p50 is larger than what differs between direct and direct
    Histogram histogram;
};

struct Statistics {
    std::vector<Figures> figures;
    std::vector<std::pair<Family, double>>
        noise_ns;  // A/A: the largest difference direct-again may have by its interval
};

Statistics summarise(const std::vector<Series>& series, std::uint64_t seed);

// 95 % bootstrap interval of a statistic over `count` things that are drawn with replacement.
Estimate bootstrap(std::size_t count, unsigned resamples, std::uint64_t seed,
                   const std::function<double(const std::vector<std::size_t>&)>& statistic);

double median(std::vector<double> values);  // 0 where there is none

}  // namespace shunt::bench
