// SPDX-License-Identifier: Apache-2.0
#include "harness/watch.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "harness/error.h"

namespace shunt::harness {

Watch::Watch(const Placement& place, Batch batch)
    : batch_(std::move(batch)), dialer_(place), thread_([this] { run(); }) {
    // One processor for all: what is watched would take three times as long beside a dialler that never waits.
    if (std::getenv("VM_GUEST") != nullptr)
        check(setpriority(PRIO_PROCESS, static_cast<id_t>(dialer_.pid()), 15), "nice");
}

Watch::~Watch() {
    stop_ = true;
    thread_.join();
}

void Watch::run() {
    while (!stop_) {
        const auto result = dialer_.run(batch_);
        {
            const std::lock_guard lock(mutex_);
            sum_ += result;
        }
        usleep(500);
    }
}

void Watch::expect_no_escape(const std::string& what) const {
    BatchResult sum;
    for (int look = 0; look < 30'000 && sum.ok == 0; ++look, usleep(2'000)) {
        const std::lock_guard lock(mutex_);
        sum = sum_;
    }
    EXPECT_GT(sum.ok, 0u) << what;
    EXPECT_TRUE(sum.wrong + sum.missing + sum.silent == 0 && sum.errors.empty()) << what << ": " << to_text(sum);
}

}  // namespace shunt::harness
