// SPDX-License-Identifier: Apache-2.0
// Many connections from persistent processes: volume and churn.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/child.h"
#include "harness/dial.h"

namespace shunt::harness {

struct Batch {
    std::vector<std::string> destinations;  // taken in turn
    std::uint64_t count = 1;
    Family family = Family::kV4;
    std::string source;  // bound; a port p of 0 stays 0, otherwise the ports p, p+1, ... p+source_ports-1 in turn
    std::uint32_t source_ports = 1;
    bool reset = false;  // close by RST, so that the same source port is free at once
    bool hold = false;   // with verify: what was "ok" stays open
    bool verify = true;  // send the destination, read the proxy's judgement; false: close right after connect()
};

struct BatchResult {
    std::uint64_t connected = 0, ok = 0, wrong = 0, missing = 0, silent = 0;
    std::map<std::string, std::uint64_t> errors;  // errno name -> failed socket calls
    std::string first_wrong;
    BatchResult& operator+=(const BatchResult& other);
};

std::string to_text(const BatchResult& result);

// A process in that place which takes batches until it is destroyed.
class Dialer {
public:
    explicit Dialer(const Placement& place);
    BatchResult run(const Batch& batch) { return start(batch), wait(); }
    void start(const Batch& batch);
    BatchResult wait();
    pid_t pid() const { return child_.pid(); }
    // Every held connection at once: one byte there and back, and getpeername (ok, wrong, silent); then wait().
    void start_check_held();
    void start_close_held();  // then wait(), whose `connected` is how many there were

private:
    Child child_;
};

// The same batch shared out over several processes at once.
BatchResult run_in_parallel(const Placement& place, Batch batch, unsigned processes);

}  // namespace shunt::harness
