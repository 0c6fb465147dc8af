// SPDX-License-Identifier: Apache-2.0
// The time of a run, divided among its stages by weights. A stage that takes longer than its share takes from those
// after it, so the run as a whole keeps its time, on a slow machine too.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shunt::bench {

using Moment = std::chrono::steady_clock::time_point;

// When a loop of rounds ends: after `rounds` (0: no limit), or when it is late and a few were made.
struct Until {
    unsigned rounds = 0;
    Moment deadline = Moment::max();
    unsigned at_least = 3;

    bool goes_on(unsigned done) const {
        if (rounds > 0 && done >= rounds) return false;
        return done < at_least || std::chrono::steady_clock::now() < deadline;
    }
    // 0-1, for the progress bar.
    double part(unsigned done, Moment start) const {
        if (rounds > 0) return static_cast<double>(done) / rounds;
        const std::chrono::duration<double> all = deadline - start, gone = std::chrono::steady_clock::now() - start;
        return all.count() <= 0 ? 1 : gone.count() / all.count();
    }
};

// The end of the first of `count` equal parts of the time from now to the deadline; in the past: now.
inline Moment share_of(Moment deadline, std::size_t count, Moment now = std::chrono::steady_clock::now()) {
    if (deadline == Moment::max() || count <= 1) return deadline;
    return deadline <= now ? now : now + (deadline - now) / static_cast<std::int64_t>(count);
}

class Budget {
public:
    Budget(double seconds, Moment start)
        : end_(start + std::chrono::duration_cast<Moment::duration>(std::chrono::duration<double>(seconds))) {}

    void add(double weight) { weight_ += weight; }

    // A stage of that weight begins now: when it has to be done. What was given by add() has to be taken once.
    Moment take(double weight, Moment now = std::chrono::steady_clock::now()) {
        const double share = weight_ > 0 ? weight / weight_ : 1;
        weight_ -= weight;
        if (now >= end_) return now;
        return now + std::chrono::duration_cast<Moment::duration>((end_ - now) * share);
    }

private:
    Moment end_;
    double weight_ = 0;
};

}  // namespace shunt::bench
