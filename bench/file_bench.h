// SPDX-License-Identifier: Apache-2.0
// From a changed file to tables in force, and what the benchmarks of one change have in common.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "sample.h"

namespace shunt::micro_bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start, Clock::time_point end) {
    return std::chrono::duration<double>(end - start).count();
}

// Arguments of a benchmark: endpoints, and how many of them a cluster has.
inline std::string text_of(const benchmark::State& state, int port = 8080) {
    return sample_text(static_cast<int>(state.range(0)), port, static_cast<int>(state.range(1)));
}

// Ports that neither bank has seen, so that both differ from the next one.
class Ports {
public:
    int next() { return port_ = port_ < 60000 ? port_ + 1 : 10001; }

private:
    int port_ = 10000;
};

// A changed endpoint is one entry, in each bank once.
inline void check_one_change(std::size_t written) {
    if (written == 0 || written > 2)
        or_die(base::Status(base::fail("one change wrote " + std::to_string(written) + " entries")));
}

// From the moment a changed file has its name until the generation is switched: noticed, left alone until it is quiet,
// read, compiled, written, switched. Counters: what the watcher waits for, what reading took, and what is left from the
// model to the switch.
void file_to_in_force(benchmark::State& state);

}  // namespace shunt::micro_bench
