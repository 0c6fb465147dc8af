// SPDX-License-Identifier: Apache-2.0
// The policy that every arm enforces, made from three numbers, and the destinations that are dialled under it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/net.h"
#include "bench/istio.h"

namespace shunt::bench {

enum class Family { kV4, kMapped, kV6 };  // kMapped: an AF_INET6 socket that dials ::ffff:a.b.c.d
const char* to_string(Family family);

struct PolicySize {
    unsigned cidrs = 20;        // excluded ranges, as many of IPv4 and of IPv6
    unsigned ports = 20;        // excluded ports
    unsigned listeners = 1000;  // a tenth of them for a port, the others for an address and a port
};

inline constexpr PolicySize kNoPolicy{0, 0, 0};
inline constexpr unsigned kMostPorts = 20000;

// What a policy consists of. Mixed: half of it ranges, a quarter listeners, a quarter ports (listeners, where ports do
// not suffice).
enum class Kind { kMixed, kRanges, kPorts, kListeners };
const char* to_string(Kind kind);

// `entries` in all; of ports alone kMostPorts at most.
PolicySize policy_of(unsigned entries, Kind kind = Kind::kMixed);
unsigned entries_of(const PolicySize& size);

// Every connection is captured, and only after the whole of the policy was asked: nothing dialled is excluded.
IstioFlags istio_flags(const PolicySize& size);

struct ShuntSettings {
    std::string cgroup;        // captured, below the cgroup2 mount
    std::string proxy_cgroup;  // the proxy's identity
    bool record = false;       // lane: record
    bool v6 = false;           // the proxy listens on [::] too, so IPv6 is captured
};
std::string shunt_config(const PolicySize& size, const ShuntSettings& settings);

// The n-th destination of a batch: one of the listeners, at random, or an address of 10.96/16 where there are none.
// Of family kMapped: the IPv4 address.
base::SocketAddress destination(const PolicySize& size, Family family, std::uint64_t seed, std::uint64_t n);

}  // namespace shunt::bench
