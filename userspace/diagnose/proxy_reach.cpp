// SPDX-License-Identifier: Apache-2.0
#include "diagnose/proxy_reach.h"

#include <sys/stat.h>

#include <map>
#include <set>

#include "diagnose/proxies.h"
#include "diagnose/sockets.h"
#include "diagnose/workload.h"
#include "kernel/cgroup.h"

namespace shunt::diagnose {
namespace {

// Labels of a metric. Proxies of scopes are on few ports, but may each have an address of their own.
constexpr std::size_t kMostAddresses = 32;

std::set<std::string> captured_cgroups(const telemetry::Snapshot& snapshot) {
    std::set<std::string> paths;
    const auto mount = kernel::cgroup2_mount();
    for (const auto& link : snapshot.links)
        if (mount && link.pin.starts_with("shunt_connect") && !link.cgroup.empty()) paths.insert(*mount + link.cgroup);
    return paths;
}

// The processes of each network namespace. Every namespace has a /proc/PID/net/tcp of its own, whose inode number tells
// them apart; /proc/PID/ns/net would ask for CAP_SYS_PTRACE.
std::map<std::uint64_t, std::vector<pid_t>> namespaces(const std::set<std::string>& cgroups) {
    std::map<std::uint64_t, std::vector<pid_t>> found;
    for (const auto& cgroup : cgroups) {
        for (const auto pid : processes_of(cgroup)) {
            struct stat entry {};
            if (stat(("/proc/" + std::to_string(pid) + "/net/tcp").c_str(), &entry) == 0)
                found[entry.st_ino].push_back(pid);
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
    const auto proxies = proxies_of(snapshot);
    std::vector<telemetry::ProxyReach> all;
    std::map<base::SocketAddress, std::size_t> index;
    for (const auto& proxy : proxies.all()) {
        for (const auto& address : proxy.addresses()) {
            if (index.contains(address)) continue;
            const bool room = all.size() < kMostAddresses;
            if (room || all.size() == kMostAddresses) all.push_back({room ? base::to_string(address) : "other"});
            index.emplace(address, all.size() - 1);
        }
    }
    for (const auto& [inode, pids] : namespaces(captured_cgroups(snapshot))) {
        const auto listeners = listeners_of(pids.front());
        // With one proxy for all it need not be told who belongs to whom.
        const auto serving = proxies.all().size() == 1 ? proxies.all() : proxies.serving(cgroups_of(pids));
        std::set<base::SocketAddress> addresses;
        for (const auto& proxy : serving)
            for (const auto& address : proxy.addresses()) addresses.insert(address);
        for (const auto& address : addresses) count(listeners, address, all[index.at(address)]);
    }
    return all;
}

}  // namespace shunt::diagnose
