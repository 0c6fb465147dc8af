// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "diagnose/alike.h"
#include "diagnose/checks.h"
#include "diagnose/socket_cgroup.h"
#include "diagnose/sockets.h"
#include "kernel/cgroup.h"
#include "kernel/fd.h"
#include "telemetry/cgroup_paths.h"

namespace shunt::diagnose {
namespace {

// Does the AF_INET6 wildcard listener leave 0.0.0.0:port to others? /proc does not tell; a bind() that is given back at
// once does, and no connection can come to a socket that does not listen.
bool is_v6only(const Namespace& place, std::uint16_t port) {
    bool free = false;
    inside(place, [&] {
        const kernel::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(0x7fffff01);  // 127.255.255.1, which no lane makes
        free = fd && bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    });
    return free;
}

std::string list(const std::vector<Socket>& sockets) {
    std::string text;
    for (const auto& socket : sockets) text += (text.empty() ? "" : ", ") + base::to_string(socket.local);
    return text;
}

// Who holds sockets, by network namespace: found once, as there may be a thousand namespaces to ask for.
class Owners {
public:
    pid_t of(std::uint64_t inode, std::uint64_t netns) {
        if (!read_) read();
        for (const auto pid : pids_[netns])
            if (socket_inodes(pid).contains(inode)) return pid;
        return 0;
    }

private:
    void read() {
        read_ = true;
        std::error_code error;
        for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
            const auto name = at->path().filename().string();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            const auto pid = static_cast<pid_t>(std::stol(name));
            pids_[netns_of(pid)].push_back(pid);
        }
    }

    bool read_ = false;
    std::map<std::uint64_t, std::vector<pid_t>> pids_;
};

// The findings about proxies, as they are made.
struct Checks {
    Alike listening, owner;
    Owners owners;
};

bool within(const std::string& cgroup, const std::string& outer) {
    return cgroup == outer || cgroup.starts_with(outer + "/");
}

// A socket answers to the cgroup it was made in. Where the kernel tells, that one is judged; otherwise the process's,
// which may have moved since.
void check_owner(const Proxy& proxy, const Namespace& place, const Socket& listener, Checks& checks) {
    if (proxy.cgroup.empty()) return;
    const auto add = [&](State state, const std::string& detail, const std::string& remedy, const std::string& kind) {
        checks.owner.add({"proxy.cgroup", state, detail, remedy}, kind + " " + proxy.cgroup, kind + " its own cgroup");
    };
    const auto owner = checks.owners.of(listener.inode, place.inode);
    const auto where = base::to_string(listener.local) + " in " + place.label();
    const auto mount = kernel::cgroup2_mount();
    if (owner == 0 || !mount)
        return add(State::kInfo, "the process that listens on " + where + " was not found", "",
                   "whether the proxy is in its cgroup cannot be told:");
    const auto who = command_of(owner) + " (pid " + std::to_string(owner) + "), which listens on " + where + ",";
    const auto path = *mount + cgroup_of(owner);
    const auto id = cgroup_of_listener(place, listener);
    const auto made_in = id ? telemetry::cgroup_paths({*id}) : std::map<std::uint64_t, std::string>();
    const auto socket_path = !id ? path : made_in.empty() ? "a cgroup that is gone" : *mount + made_in.at(*id);
    if (!within(socket_path, proxy.cgroup))
        return add(State::kBroken,
                   who + (socket_path == path ? " is in " + path : " made its socket in " + socket_path) +
                       ", not in the proxy's cgroup " + proxy.cgroup +
                       ": it gets no original destination, and its own connections may be redirected",
                   "start it there: shunt exec --as proxy -- COMMAND (moving it leaves its sockets behind)",
                   "the proxy made its socket outside of");
    if (!within(path, proxy.cgroup))
        return add(State::kBroken,
                   who + " made its socket in " + socket_path + ", but is in " + path +
                       " now: the connections it makes are taken for the application's",
                   "start it there: shunt exec --as proxy -- COMMAND, and leave it there", "the proxy has left");
    add(State::kOk, who + " is in " + proxy.cgroup, "", "the proxy is in");
}

void check_listener(const Proxy& proxy, const Workload& workload, const Namespace& place,
                    const std::vector<Socket>& sockets, const base::SocketAddress& configured, Checks& checks) {
    const auto address = base::to_string(configured);
    const auto add = [&](State state, const std::string& detail, const std::string& remedy, const std::string& kind) {
        checks.listening.add({"proxy.listening", state, detail, remedy}, kind + " " + address,
                             kind + " the proxy's address");
    };
    auto served = judge_listeners(sockets, configured);
    if (served.how == Serving::kMaybeV6Only)
        served.how = is_v6only(place, configured.port) ? Serving::kElsewhere : Serving::kYes;
    switch (served.how) {
        case Serving::kYes:
            add(State::kOk, list(served.listeners) + " in " + place.label() + " serves " + address, "",
                "the proxy serves");
            return check_owner(proxy, place, served.listeners.front(), checks);
        case Serving::kElsewhere:
            return add(State::kBroken,
                       "the configuration says " + address + ", but what listens in " + place.label() + " is " +
                           list(served.listeners) + ": redirected connections do not reach it",
                       "let the proxy listen on " + address + ", or say in proxy.listen where it does",
                       "what listens is not on");
        default:
            add(workload.empty ? State::kWarn : State::kBroken,
                "nothing listens on " + address + " in " + place.label() +
                    (workload.empty ? "; no process is in a captured cgroup now" : ""),
                "start the proxy in that network namespace; whenDown says what happens meanwhile",
                "nothing listens on");
    }
}

}  // namespace

void check_proxy(const Subject& subject, const Workload& workload, Findings& findings) {
    Findings owners;
    {
        Checks checks{Alike(findings), Alike(owners), {}};
        for (const auto& place : workload.namespaces) {
            const auto sockets = listeners_of(place.through);
            for (const auto& proxy : subject.proxies.serving(cgroups_of(place.captured)))
                for (const auto& address : proxy.addresses())
                    check_listener(proxy, workload, place, sockets, address, checks);
        }
    }
    findings.insert(findings.end(), owners.begin(), owners.end());
}

// Connections that no hook saw. Outgoing ones to elsewhere: a redirected one ends at loopback, an accepted one has the
// port of a listener, and the proxy's own go out.
void check_earlier_connections(const Subject& subject, const Workload& workload, Findings& findings) {
    if (subject.captured.empty()) return;
    const auto mount = kernel::cgroup2_mount();
    Alike found(findings);
    for (const auto& place : workload.namespaces) {
        std::set<std::uint64_t> owned;
        for (const auto pid : place.captured) {
            const auto path = mount ? *mount + cgroup_of(pid) : std::string();
            if (!subject.proxies.is_proxys(path)) owned.merge(socket_inodes(pid));
        }
        const auto sockets = sockets_of(place.through);
        std::set<std::uint16_t> served;
        for (const auto& socket : sockets)
            if (socket.listening) served.insert(socket.local.port);
        std::size_t count = 0;
        std::string example;
        for (const auto& socket : sockets) {
            if (socket.listening || socket.remote.address.is_loopback() || served.contains(socket.local.port) ||
                !owned.contains(socket.inode))
                continue;
            if (count++ == 0) example = base::to_string(socket.remote);
        }
        if (count == 0)
            found.add({"connections", State::kOk,
                       "no process of a captured cgroup in " + place.label() + " has a connection past the proxy", ""},
                      "no connection past the proxy", "");
        else
            found.add({"connections", State::kInfo,
                       std::to_string(count) + " open connection(s) past the proxy in " + place.label() +
                           ", for example to " + example + ": made before the load, or let out by a rule",
                       "shunt explain " + example + " tells which; restart the process to redirect the former"},
                      "connections past the proxy", "");
    }
}

}  // namespace shunt::diagnose
