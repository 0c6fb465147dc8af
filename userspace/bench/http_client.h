// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/process.h"

namespace shunt::bench {

// A worker that makes connections one after the other: connect, GET, the response to its end, close. Waits until the
// proxy serves on 127.0.0.1, at most 20 s. Asked for {seed, count} it answers how many responses named the destination
// that was dialled, as "[10.96.0.1:1024]", and then the nanoseconds of each.
base::Result<Worker> start_http_client(const Seat& seat, const std::string& arm, bool direct);

}  // namespace shunt::bench
