// SPDX-License-Identifier: Apache-2.0
// The two ends of an arm: a worker that connects and times each connect(), and a worker that listens as the proxy would
// and asks for the original destination of every connection, after the batch.
#pragma once

#include "bench/policy_set.h"
#include "bench/process.h"

namespace shunt::bench {

// A batch: `count` connections of one family, to the destinations that (size, seed) give.
struct BatchRequest {
    Family family = Family::kV4;
    std::uint64_t seed = 0;
    std::uint64_t count = 0;
};

// What both ends know from the start.
struct DialSetting {
    PolicySize size;
    bool direct = false;        // dial the proxy on loopback instead of the policy's destinations
    bool v6 = true;             // listen on [::] too
    unsigned backlog = 4096;    // the kernel takes no more than net.core.somaxconn, 4096 in a new namespace
    unsigned destinations = 0;  // only so many of the policy's; 0: all
    unsigned held = 0;          // so many connections stay open until the workers go; 0: those of one batch
};

base::Result<Worker> start_client(const Seat& seat, const std::string& arm, const DialSetting& setting);
base::Result<Worker> start_proxy(const Seat& seat, const std::string& arm, const DialSetting& setting);

// Nanoseconds of each connect(), in order. Afterwards each connection says its number in the batch. They stay open
// until hang_up().
base::Result<Words> dial(Worker& client, const BatchRequest& request);
base::Status hang_up(Worker& client);
// The proxy keeps its connections and stops listening: another one can take its place.
base::Status step_down(Worker& proxy);

struct Accepted {
    std::uint64_t seen = 0;   // connections
    std::uint64_t right = 0;  // of those, with the destination that was dialled
    std::string first_wrong;  // "192.0.2.1:80 instead of 10.96.0.1:80"
};
// Accepts `count` connections, or those that come while none is waited for longer than ten seconds: the kernel sends a
// lost packet of a handshake again after 1, 3 and 7.
base::Result<Accepted> accept_all(Worker& proxy, const BatchRequest& request);

}  // namespace shunt::bench
