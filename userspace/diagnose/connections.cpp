// SPDX-License-Identifier: Apache-2.0
#include "diagnose/connections.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>
#include <set>
#include <unordered_map>

#include "diagnose/sock_diag.h"
#include "diagnose/workload.h"
#include "kernel/cgroup.h"
#include "kernel/map.h"
#include "policy/original.h"
#include "sync/readback.h"
#include "telemetry/cgroup_paths.h"
#include "telemetry/snapshot.h"

namespace shunt::diagnose {
namespace {

struct Owner {
    pid_t pid = 0;
    std::string command;
};
// A connection has one inode; what links of /proc/PID/fd say is the only way from it to a process.
using Owners = std::unordered_map<std::uint64_t, std::size_t>;  // inode -> index of the owner

void add_sockets(pid_t pid, std::size_t owner, Owners& owners) {
    const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
    DIR* open = opendir(directory.c_str());
    if (open == nullptr) return;  // ended meanwhile
    char target[64];
    while (const dirent* entry = readdir(open)) {
        const auto length = readlinkat(dirfd(open), entry->d_name, target, sizeof target);
        constexpr std::string_view kSocket = "socket:[";
        const std::string_view text(target, length > 0 ? static_cast<std::size_t>(length) : 0);
        if (!text.starts_with(kSocket)) continue;
        std::uint64_t inode = 0;
        std::from_chars(text.data() + kSocket.size(), text.data() + text.size(), inode);
        owners.emplace(inode, owner);
    }
    closedir(open);
}

// What the installation's pins say, read once.
struct Facts {
    std::set<std::uint16_t> v4_ports, v6_ports;  // of proxies, in both banks: a switch strands no connection
    std::unordered_map<std::uint32_t, base::SocketAddress> tokens;
    std::optional<kernel::RawMap> storage;
    std::vector<std::string> captured;  // absolute paths
};

base::Result<Facts> read_facts(const telemetry::Snapshot& snapshot) {
    Facts facts;
    const sync::Layout layout{snapshot.pin_directory};
    for (unsigned bank = 0; bank < 2; ++bank) {
        const auto tables = sync::read_bank(layout, bank);
        if (!tables) return tl::unexpected<base::Error>(tables.error());
        for (const auto& [key, scope] : tables->scopes) {
            if (scope.flags & SHUNT_SCOPE_PROXY_V4) facts.v4_ports.insert(ntohs(scope.proxy4_port_be));
            if (scope.flags & SHUNT_SCOPE_PROXY_V6) facts.v6_ports.insert(ntohs(scope.proxy6_port_be));
        }
    }
    const auto dests = kernel::Map<shunt_dest_key, shunt_dest>::open_pinned(layout.map("shunt_dests"));
    if (!dests) return tl::unexpected<base::Error>(dests.error());
    const auto keys = dests->keys();
    if (!keys) return tl::unexpected<base::Error>(keys.error());
    for (const auto& key : *keys) {
        const auto dest = dests->lookup(key);
        if (dest && *dest)
            facts.tokens[key.token_be] = {base::Address::from_abi((*dest)->addr), ntohs((*dest)->port_be)};
    }
    // Only where the record lane is in use; it costs the kernel a look-up for each socket.
    const bool record = std::any_of(snapshot.links.begin(), snapshot.links.end(),
                                    [](const auto& link) { return link.pin.starts_with("shunt_sockops"); });
    if (record) {
        auto storage = kernel::RawMap::open_pinned(layout.map("shunt_socks"));
        if (!storage) return tl::unexpected<base::Error>(storage.error());
        facts.storage = std::move(*storage);
    }
    const auto mount = kernel::cgroup2_mount();
    if (!mount) return tl::unexpected<base::Error>(mount.error());
    for (const auto& link : snapshot.links)
        if (link.pin.starts_with("shunt_connect4") && !link.cgroup.empty())
            facts.captured.push_back(*mount + link.cgroup);
    return facts;
}

std::chrono::nanoseconds monotonic_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// What was dialled and how it travels; false where the socket is none of ours.
bool resolve(const Facts& facts, const DiagSocket& socket, std::chrono::nanoseconds now, Connection& connection) {
    if (socket.stored && socket.stored->flags & SHUNT_SOCK_CLIENT &&
        base::Address::from_abi(socket.stored->pending_key.dst) == socket.remote.address) {
        connection.lane = "record";
        connection.original = {base::Address::from_abi(socket.stored->dest.addr), ntohs(socket.stored->dest.port_be)};
        connection.age = now - std::chrono::nanoseconds(socket.stored->since_ns);
        return true;
    }
    if (const auto decoded = policy::decode_lane(socket.local.address, socket.remote.address)) {
        connection.lane = "address";
        connection.original = *decoded;
        return true;
    }
    if (!policy::is_token(socket.remote.address)) return false;
    const auto token = facts.tokens.find(socket.remote.address.to_abi().words_be[3]);
    if (token == facts.tokens.end()) return false;
    connection.lane = "dict";
    connection.original = token->second;
    return true;
}

class Collector {
public:
    Collector(const Facts& facts, const std::function<void(const Connection&)>& visit) : facts_(facts), visit_(visit) {}

    base::Status collect(const Namespace& place) {
        owners_.clear();
        processes_.clear();
        for (const auto pid : place.captured) {
            processes_.push_back({pid, command_of(pid)});
            add_sockets(pid, processes_.size() - 1, owners_);
        }
        base::Status status;
        const auto dump = [&](int family, const std::set<std::uint16_t>& ports) {
            const int storage = facts_.storage ? facts_.storage->fd() : -1;
            for (const auto port : ports)
                if (status) status = for_each_socket(family, port, storage, [&](const auto& found) { take(found); });
        };
        // AF_INET6 sockets that dialled a v4-mapped address go to the IPv4 proxy.
        auto v6_ports = facts_.v6_ports;
        v6_ports.insert(facts_.v4_ports.begin(), facts_.v4_ports.end());
        const bool entered = inside(place, [&] {
            dump(AF_INET, facts_.v4_ports);
            dump(AF_INET6, v6_ports);
        });
        if (!entered) return base::fail("cannot enter " + place.label());
        return status;
    }
    std::size_t count() const { return count_; }

private:
    void take(const DiagSocket& socket) {
        Connection connection;
        if (!resolve(facts_, socket, now_, connection)) return;
        if (const auto owner = owners_.find(socket.inode); owner != owners_.end()) {
            connection.pid = processes_[owner->second].pid;
            connection.command = processes_[owner->second].command;
        }
        connection.source = socket.local;
        connection.proxy = socket.remote;
        connection.state = tcp_state_name(socket.state);
        if (socket.cgroup_id) connection.cgroup = names_.of(*socket.cgroup_id);
        ++count_;
        visit_(connection);
    }

    const Facts& facts_;
    const std::function<void(const Connection&)>& visit_;
    const std::chrono::nanoseconds now_ = monotonic_now();
    std::vector<Owner> processes_;
    Owners owners_;
    telemetry::CgroupNames names_;
    std::size_t count_ = 0;
};

}  // namespace

base::Result<Coverage> for_each_connection(const kernel::Paths& paths,
                                           const std::function<void(const Connection&)>& visit) {
    const auto snapshot = telemetry::read_snapshot(paths);
    if (!snapshot) return tl::unexpected<base::Error>(snapshot.error());
    Coverage coverage;
    coverage.installed = snapshot->installed;
    if (!snapshot->installed) return coverage;
    const auto facts = read_facts(*snapshot);
    if (!facts) return tl::unexpected<base::Error>(facts.error());
    const auto workload = find_workload(facts->captured);
    if (workload.empty) return coverage;
    Collector collector(*facts, visit);
    base::Status first;
    for (const auto& place : workload.namespaces) {
        ++coverage.namespaces;
        if (auto collected = collector.collect(place); !collected) {
            ++coverage.unreadable;
            if (first) first = collected;
        }
    }
    coverage.connections = collector.count();
    if (!first && coverage.unreadable == coverage.namespaces) return tl::unexpected<base::Error>(first.error());
    return coverage;
}

}  // namespace shunt::diagnose
