// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "harness/dialer.h"

namespace shunt::harness {

// Connections without a pause, each of which must reach a ProbeProxy that verifies.
class Watch {
public:
    Watch(const Placement& place, Batch batch);  // a batch is repeated until the end
    ~Watch();
    Watch(const Watch&) = delete;
    void expect_no_escape(const std::string& what) const;  // and that something was dialled since it began

private:
    void run();

    const Batch batch_;
    Dialer dialer_;
    mutable std::mutex mutex_;
    BatchResult sum_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

}  // namespace shunt::harness
