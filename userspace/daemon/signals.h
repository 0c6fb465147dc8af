// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>

#include "base/result.h"

namespace shunt::daemon {

// Blocks signals in this thread and those it will start, and hands them out one by one.
class SignalQueue {
public:
    static base::Result<SignalQueue> create(std::initializer_list<int> numbers);

    // 0: none came within `timeout_ms`.
    base::Result<int> wait(int timeout_ms);

    SignalQueue(SignalQueue&& other) noexcept;
    SignalQueue(const SignalQueue&) = delete;
    SignalQueue& operator=(const SignalQueue&) = delete;
    SignalQueue& operator=(SignalQueue&&) = delete;
    ~SignalQueue();

private:
    explicit SignalQueue(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace shunt::daemon
