// SPDX-License-Identifier: Apache-2.0
// How often the controller looks at what it has installed: four times a second, unless there is so much to look at
// that this would take more than a hundredth of a CPU; in any case what is missing is noticed within a second.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace shunt::daemon {

class Pace {
public:
    static constexpr std::chrono::milliseconds kShortest{250};
    static constexpr std::chrono::milliseconds kLongest{750};  // the rest of the second is for the look
    static constexpr int kRestPerWork = 100;

    using Clock = std::function<std::chrono::nanoseconds()>;  // CPU time spent so far
    explicit Pace(Clock clock) : clock_(std::move(clock)) {}

    // Looks once, and says how long to rest.
    std::chrono::milliseconds look(const std::function<void()>& body) const {
        const auto before = clock_();
        body();
        const auto rest = (clock_() - before) * kRestPerWork;
        return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(rest), kShortest, kLongest);
    }

private:
    Clock clock_;
};

}  // namespace shunt::daemon
