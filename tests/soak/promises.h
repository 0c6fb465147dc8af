// SPDX-License-Identifier: Apache-2.0
// Which errno a connection may fail with, and only while something is wrong that explains it. The README's table is
// read, so that what users are told is what is held.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace shunt::soak {

class Promises {
public:
    using Clock = std::chrono::steady_clock;

    // Throws where the table is not there, or knows no errno for one of `states`.
    explicit Promises(const std::string& readme);

    // A fault begins, during which connections may meet these states (rows of the table), and ends. Errors are
    // explained by it a little longer: what it did to a connection is seen when that is over.
    void begin(const std::string& fault, const std::vector<std::string>& states);
    void end();

    // What went wrong with connections that were begun at `since` or later; "ECONNREFUSED", or kCut for a connection
    // that stood and got no answer. Remembers what nobody explains, as a line for each kind.
    void judge(const std::string& stream, const std::string& error, std::uint64_t times, Clock::time_point since);

    static constexpr char kCut[] = "end of stream";

    // "ECONNREFUSED while proxy killed and started" -> how often; one of several faults of that time.
    std::map<std::string, std::uint64_t> explained() const;
    std::vector<std::string> unexplained() const;

private:
    struct Fault {
        std::string name;
        std::set<std::string> errors;
        Clock::time_point end;
    };
    std::map<std::string, std::set<std::string>> table_;  // state -> errors
    mutable std::mutex mutex_;
    std::deque<Fault> faults_;  // the latest last
    std::map<std::string, std::uint64_t> explained_, unexplained_;
};

}  // namespace shunt::soak
