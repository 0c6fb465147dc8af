// SPDX-License-Identifier: Apache-2.0
// TCP sockets of a network namespace as /proc/PID/net/tcp and tcp6 list them: there on every kernel, without a module.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/net.h"

namespace shunt::diagnose {

struct Socket {
    base::SocketAddress local;  // v4-mapped addresses are IPv4
    base::SocketAddress remote;
    bool listening = false;
    bool v6 = false;  // an AF_INET6 socket
    std::uint32_t uid = 0;
    std::uint64_t inode = 0;
};

// Listening and established ones; lines that are none are left out.
std::vector<Socket> parse_sockets(const std::string& text, bool v6);
std::vector<Socket> sockets_of(pid_t pid);
// Listening ones only. The kernel lists them first, so this costs little where there are many connections.
std::vector<Socket> listeners_of(pid_t pid);

// How what listens serves what the configuration says.
enum class Serving {
    kYes,
    kNotAtAll,     // nobody listens on the port
    kElsewhere,    // on an address that redirected connections do not go to
    kMaybeV6Only,  // an AF_INET6 wildcard: serves IPv4 unless it is IPV6_V6ONLY
};
struct Served {
    Serving how = Serving::kNotAtAll;
    std::vector<Socket> listeners;  // on that port; only those that serve where there are such
};
Served judge_listeners(const std::vector<Socket>& sockets, const base::SocketAddress& configured);

}  // namespace shunt::diagnose
