// SPDX-License-Identifier: Apache-2.0
#include "diagnose/proxy_reach.h"

#include <endian.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "diagnose/sockets.h"
#include "diagnose/workload.h"
#include "kernel/cgroup.h"

namespace shunt::diagnose {
namespace {

std::set<std::string> captured_cgroups(const telemetry::Snapshot& snapshot) {
    std::set<std::string> paths;
    const auto mount = kernel::cgroup2_mount();
    for (const auto& link : snapshot.links)
        if (mount && link.pin.starts_with("shunt_connect") && !link.cgroup.empty()) paths.insert(*mount + link.cgroup);
    return paths;
}

// A process for each network namespace. Every namespace has a /proc/PID/net/tcp of its own, whose inode number tells
// them apart; /proc/PID/ns/net would ask for CAP_SYS_PTRACE.
std::map<std::uint64_t, pid_t> namespaces(const std::set<std::string>& cgroups) {
    std::map<std::uint64_t, pid_t> found;
    for (const auto& cgroup : cgroups) {
        for (const auto pid : processes_of(cgroup)) {
            struct stat entry {};
            if (stat(("/proc/" + std::to_string(pid) + "/net/tcp").c_str(), &entry) == 0)
                found.emplace(entry.st_ino, pid);
        }
    }
    return found;
}

void count(const std::vector<Socket>& listeners, const base::SocketAddress& configured, telemetry::ProxyReach& reach) {
    switch (judge_listeners(listeners, configured).how) {
        case Serving::kYes:
        case Serving::kMaybeV6Only: ++reach.listening; return;  // telling for sure would need a socket in there
        case Serving::kElsewhere: ++reach.elsewhere; return;
        case Serving::kNotAtAll: ++reach.absent; return;
    }
}

}  // namespace

std::vector<telemetry::ProxyReach> proxy_reach(const telemetry::Snapshot& snapshot) {
    const auto& scope = snapshot.scope;
    std::vector<base::SocketAddress> configured;
    if (scope.flags & SHUNT_SCOPE_PROXY_V4)
        configured.push_back({base::Address::from_abi(scope.proxy4), be16toh(scope.proxy4_port_be)});
    if (scope.flags & SHUNT_SCOPE_PROXY_V6)
        configured.push_back({base::Address::from_abi(scope.proxy6), be16toh(scope.proxy6_port_be)});
    std::vector<telemetry::ProxyReach> all;
    all.reserve(configured.size());
    for (const auto& address : configured) all.push_back({base::to_string(address)});
    for (const auto& [inode, pid] : namespaces(captured_cgroups(snapshot))) {
        const auto listeners = listeners_of(pid);
        for (std::size_t i = 0; i < all.size(); ++i) count(listeners, configured[i], all[i]);
    }
    return all;
}

}  // namespace shunt::diagnose
