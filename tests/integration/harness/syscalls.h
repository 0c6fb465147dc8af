// SPDX-License-Identifier: Apache-2.0
// What a process asks of the kernel, counted, so that its work can be judged without a clock.
#pragma once

#include <sys/types.h>

#include <map>

namespace shunt::harness {

// The system calls of that thread (not of its process's others) from the end of one call of number `waiting` to the
// beginning of the next, by number. A waiting call that is restarted, which tracing brings about, is no call of its
// own.
std::map<long, int> syscalls_of_one_round(pid_t thread, long waiting);

}  // namespace shunt::harness
