// SPDX-License-Identifier: Apache-2.0
// TCP sockets as the kernel's sock_diag lists them: many at once, filtered where they are, with what /proc does not
// say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/net.h"
#include "base/result.h"
#include "shunt/abi.h"

namespace shunt::diagnose {

struct DiagSocket {
    base::SocketAddress local;  // v4-mapped addresses are IPv4
    base::SocketAddress remote;
    std::uint8_t state = 0;  // TCP_ESTABLISHED ...
    std::uint32_t uid = 0;
    std::uint64_t inode = 0;
    std::optional<std::uint64_t> cgroup_id;  // kernfs id of the cgroup it was made in; Linux 5.9
    std::optional<shunt_sock> stored;        // its entry in shunt_socks, where that was asked for
};

// Calls visit for every socket of the calling thread's network namespace and that family (AF_INET, AF_INET6) whose peer
// has this port, except listening and closed ones. storage_map: descriptor of shunt_socks, or -1; storage needs
// CAP_BPF, and costs the kernel a look-up for each socket. Sockets that come and go meanwhile may be missed or not.
base::Status for_each_socket(int family, std::uint16_t remote_port, int storage_map,
                             const std::function<void(const DiagSocket&)>& visit);

const char* tcp_state_name(std::uint8_t state);  // "ESTABLISHED"

}  // namespace shunt::diagnose
