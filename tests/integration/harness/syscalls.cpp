// SPDX-License-Identifier: Apache-2.0
#include "harness/syscalls.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <stdexcept>
#include <string>

#include "harness/error.h"

namespace shunt::harness {
namespace {

template <class Address, class Data>
void trace(__ptrace_request request, pid_t thread, Address address, Data data) {
    if (ptrace(request, thread, address, data) < 0) check(-1, "ptrace request " + std::to_string(request));
}

class Tracer {
public:
    explicit Tracer(pid_t thread) : thread_(thread) {
        trace(PTRACE_SEIZE, thread_, 0, PTRACE_O_TRACESYSGOOD);
        trace(PTRACE_INTERRUPT, thread_, 0, 0);
        stopped();
    }
    ~Tracer() { ptrace(PTRACE_DETACH, thread_, 0, 0); }
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;

    // The number of the next system call that is entered.
    long next() {
        for (;;) {
            trace(PTRACE_SYSCALL, thread_, 0, deliver_);
            deliver_ = 0;
            const int signal = stopped();
            if (signal != (SIGTRAP | 0x80)) {
                // A stop of the tracer's own making is none of the program's signals.
                if (signal != SIGTRAP) deliver_ = signal;
                continue;
            }
            __ptrace_syscall_info info{};
            trace(PTRACE_GET_SYSCALL_INFO, thread_, sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY) return static_cast<long>(info.entry.nr);
        }
    }

private:
    int stopped() const {
        int status = 0;
        check(waitpid(thread_, &status, __WALL), "waitpid");
        if (!WIFSTOPPED(status)) throw std::runtime_error("process " + std::to_string(thread_) + " has ended");
        return WSTOPSIG(status);
    }

    const pid_t thread_;
    int deliver_ = 0;
};

}  // namespace

std::map<long, int> syscalls_of_one_round(pid_t thread, long waiting) {
    Tracer tracer(thread);
    const auto waits = [&](long number) { return number == waiting || number == SYS_restart_syscall; };
    while (!waits(tracer.next())) {
    }
    std::map<long, int> calls;
    for (;;) {
        const long number = tracer.next();
        if (!waits(number))
            ++calls[number];
        else if (!calls.empty())
            return calls;
    }
}

}  // namespace shunt::harness
