// SPDX-License-Identifier: Apache-2.0
// The live redirected connections of the captured cgroups, seen from the client's end, taken from the kernel now.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/net.h"
#include "base/result.h"
#include "kernel/paths.h"

namespace shunt::diagnose {

struct Connection {
    pid_t pid = 0;  // 0: no process of the captured cgroups has it open (sent away, or closed and not yet gone)
    std::string_view command;      // of that process; valid during the visit
    base::SocketAddress source;    // the client's own end; in the address lane 127.A.B.C of the destination
    base::SocketAddress original;  // what the application dialled
    base::SocketAddress proxy;     // where the connection really goes
    std::string_view lane;         // address, dict or record
    const char* state = "";        // ESTABLISHED ...
    std::optional<std::chrono::nanoseconds> age;  // since connect(); known in the record lane only
    std::string_view cgroup;  // below the cgroup2 mount, the one the socket was made in; empty where unknown
};

struct Coverage {
    std::size_t connections = 0;
    std::size_t namespaces = 0;  // of processes in captured cgroups; the connections of others are not seen
    std::size_t unreadable = 0;  // namespaces that could not be entered
    bool installed = false;
};

// Needs no controller. Order: by namespace, then the kernel's.
base::Result<Coverage> for_each_connection(const kernel::Paths& paths,
                                           const std::function<void(const Connection&)>& visit);

}  // namespace shunt::diagnose
