// SPDX-License-Identifier: Apache-2.0
// Looks at verdicts as they fall: a place in shunt_observe and a ring of its own in shunt_rings. Needs no controller.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "shunt/abi.h"

namespace shunt::kernel {

// What the programs are to send. Everything else costs them a comparison.
struct ObserverWish {
    std::uint64_t reasons = ~0ull;  // 1 << shunt_reason
    std::uint16_t port = 0;         // of the destination, host order; 0: any
    std::uint32_t sample = 1;       // one in so many
    std::uint32_t per_second = 0;   // at most; 0: no limit
    std::uint32_t ring_bytes = 1u << 20;
};

// Since the start: seen = sent + sampled_out + limited + lost.
struct ObserverCounts {
    std::uint64_t seen = 0;  // wanted
    std::uint64_t sampled_out = 0;
    std::uint64_t limited = 0;
    std::uint64_t lost = 0;                  // the ring was full
    std::uint64_t read = 0;                  // of those sent: the rest is still in the ring
    std::chrono::nanoseconds not_looking{};  // this process was stopped for so long that it was forgotten
};

class Observer {
public:
    // `directory` holds the pinned maps. From the return on, no verdict is missed unseen. Fails where all places are
    // taken, or the maps are another version's.
    static base::Result<std::unique_ptr<Observer>> start(const std::string& directory, const ObserverWish& wish);
    ~Observer();  // the programs stop telling
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    // Calls visit for what is there until it says false, after waiting for the first at most so long. A signal ends
    // the wait.
    base::Status read(std::chrono::milliseconds wait, const std::function<bool(const shunt_verdict_event&)>& visit);
    ObserverCounts counts() const;
    // False: the pins were removed or made anew, nothing will come any more.
    bool installed() const;

private:
    struct Impl;
    explicit Observer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// What has to be added to an event's time to get nanoseconds since 1970; changes where the clock is set.
std::int64_t realtime_offset_ns();

}  // namespace shunt::kernel
