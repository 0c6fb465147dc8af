// SPDX-License-Identifier: Apache-2.0
// The verdict on one flow, by the same decide() that runs in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/mesh.h"
#include "policy/tables.h"

namespace shunt::policy {

struct Flow {
    base::SocketAddress destination;
    bool socket_v6 = false;  // AF_INET6 socket; always true for a v6 destination
    bool tcp = true;
    std::optional<base::SocketAddress> source;  // bound by the application; port 0 = address only
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mark = 0;
    bool in_proxy_cgroup = false;
    std::uint64_t scope_id = 0;        // key in Tables::scopes; 0: the base scope
    std::optional<std::size_t> scope;  // the same scope's place in Mesh::scopes
    bool bound_to_device = false;      // SO_BINDTODEVICE other than lo
    std::vector<base::Address> own;    // addresses of the network namespace besides loopback
};

struct Answer {
    shunt_verdict verdict = SHUNT_VERDICT_UNSET;
    shunt_reason reason = SHUNT_REASON_UNSET;
    shunt_lane lane = SHUNT_LANE_NONE;      // of a redirect
    std::optional<base::SocketAddress> to;  // where the connection really goes; unset where refused
    // What decided is a listener: its key in the tables, its number there, and its place in the configuration's list
    // (unset where the tables were read from the kernel and the configuration does not have it).
    std::optional<std::uint32_t> listener_id;
    std::optional<std::size_t> listener;  // in the list of the flow's scope
    model::Place rule;                    // what in the configuration decided; line 0 where it is a default
};

Answer explain(const Tables& tables, const model::Mesh& mesh, const Flow& flow);

}  // namespace shunt::policy
