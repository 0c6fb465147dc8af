// SPDX-License-Identifier: Apache-2.0
// The packet filter rules that Istio's sidecar set-up makes, rebuilt from its flags: what shunt is compared with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shunt::bench {

inline constexpr unsigned kOutboundPort = 15001;
inline constexpr unsigned kInboundPort = 15006;

struct IstioFlags {
    std::vector<std::string> include{"*"}, exclude;            // -i, -x
    std::vector<std::string> include_ports, exclude_ports;     // -q, -o: "9080", "8000-8010"
    std::vector<std::uint32_t> uids{1337}, gids{1337};         // -u, -g: the proxy's
    std::optional<std::vector<std::uint32_t>> include_groups;  // unset: everybody
    std::vector<std::uint32_t> exclude_groups;
    std::string loopback_cidr;  // of IPv4; empty: 127.0.0.1/32
    bool inbound = false;       // the chain for incoming connections as well
};

// Is a loopback address written among the included ranges? (Then own destinations follow the other rules.)
bool includes_loopback(const std::vector<std::string>& include);

// Input for iptables-restore or ip6tables-restore. Each redirected connection is counted once, by the only rule of
// chain ISTIO_REDIRECT.
std::string istio_iptables(const IstioFlags& flags, bool v6);

// Input for nft -f: the shape of Istio's native nftables mode, both families. The rule of chain istio-redirect counts.
std::string istio_nftables(const IstioFlags& flags);

}  // namespace shunt::bench
