// SPDX-License-Identifier: Apache-2.0
// What the programs count as going wrong, as lines of the log: one for each cause, with how often, and at most one a
// minute.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "telemetry/snapshot.h"

namespace shunt::daemon {

class FailureLog {
public:
    using Clock = std::chrono::steady_clock;
    using Read = std::function<base::Result<telemetry::Counters>()>;
    static constexpr auto kBetween = std::chrono::minutes(1);  // lines of one cause

    // What was counted before the first look is not told: another controller has told it, or nobody was there to.
    explicit FailureLog(Read read) : read_(std::move(read)) {}

    // Counters that cannot be read are looked at another time; whoever misses their pins says so.
    void look(Clock::time_point now = Clock::now());

private:
    struct Cause {
        std::uint64_t told = 0;  // of the count, at the last line
        std::uint64_t since_start = 0;
        std::optional<Clock::time_point> line;
    };
    const Read read_;
    std::map<std::string, Cause> causes_;
};

}  // namespace shunt::daemon
