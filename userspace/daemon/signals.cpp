// SPDX-License-Identifier: Apache-2.0
#include "daemon/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace shunt::daemon {

base::Result<SignalQueue> SignalQueue::create(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
        return tl::unexpected<base::Error>(base::errno_error("block signals", error));
    const int fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0) return tl::unexpected<base::Error>(base::errno_error("signalfd", errno));
    return SignalQueue(fd);
}

base::Result<int> SignalQueue::wait(int timeout_ms) {
    pollfd entry{fd_, POLLIN, 0};
    const int ready = poll(&entry, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return 0;
    signalfd_siginfo info{};
    for (;;) {
        const ssize_t size = read(fd_, &info, sizeof info);
        if (size == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
        if (size >= 0 || errno != EINTR) return tl::unexpected<base::Error>(base::errno_error("signalfd: read", errno));
    }
}

SignalQueue::SignalQueue(SignalQueue&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SignalQueue::~SignalQueue() {
    if (fd_ >= 0) close(fd_);
}

}  // namespace shunt::daemon
