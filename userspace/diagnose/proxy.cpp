// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

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

pid_t owner_of(std::uint64_t inode, std::uint64_t netns) {
    std::error_code error;
    for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
        const auto name = at->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto pid = static_cast<pid_t>(std::stol(name));
        if (netns_of(pid) == netns && socket_inodes(pid).contains(inode)) return pid;
    }
    return 0;
}

bool within(const std::string& cgroup, const std::string& outer) {
    return cgroup == outer || cgroup.starts_with(outer + "/");
}

// A socket answers to the cgroup it was made in. Where the kernel tells, that one is judged; otherwise the process's,
// which may have moved since.
void check_owner(const Subject& subject, const Namespace& place, const Socket& listener, Findings& findings) {
    if (subject.proxy_cgroup.empty()) return;
    const auto owner = owner_of(listener.inode, place.inode);
    const auto where = base::to_string(listener.local) + " in " + place.label();
    const auto mount = kernel::cgroup2_mount();
    if (owner == 0 || !mount) {
        findings.push_back(
            {"proxy.cgroup", State::kInfo, "the process that listens on " + where + " was not found", ""});
        return;
    }
    const auto who = command_of(owner) + " (pid " + std::to_string(owner) + "), which listens on " + where + ",";
    const auto path = *mount + cgroup_of(owner);
    const auto id = cgroup_of_listener(place, listener);
    const auto made_in = id ? telemetry::cgroup_paths({*id}) : std::map<std::uint64_t, std::string>();
    const auto socket_path = !id ? path : made_in.empty() ? "a cgroup that is gone" : *mount + made_in.at(*id);
    if (!within(socket_path, subject.proxy_cgroup))
        findings.push_back({"proxy.cgroup", State::kBroken,
                            who + (socket_path == path ? " is in " + path : " made its socket in " + socket_path) +
                                ", not in the proxy's cgroup " + subject.proxy_cgroup +
                                ": it gets no original destination, and its own connections may be redirected",
                            "start it there: shunt exec --as proxy -- COMMAND (moving it leaves its sockets behind)"});
    else if (!within(path, subject.proxy_cgroup))
        findings.push_back({"proxy.cgroup", State::kBroken,
                            who + " made its socket in " + socket_path + ", but is in " + path +
                                " now: the connections it makes are taken for the application's",
                            "start it there: shunt exec --as proxy -- COMMAND, and leave it there"});
    else
        findings.push_back({"proxy.cgroup", State::kOk, who + " is in " + subject.proxy_cgroup, ""});
}

void check_listener(const Subject& subject, const Workload& workload, const Namespace& place,
                    const base::SocketAddress& configured, Findings& findings) {
    const auto address = base::to_string(configured);
    auto served = judge_listeners(sockets_of(place.through), configured);
    if (served.how == Serving::kMaybeV6Only)
        served.how = is_v6only(place, configured.port) ? Serving::kElsewhere : Serving::kYes;
    switch (served.how) {
        case Serving::kYes:
            findings.push_back({"proxy.listening", State::kOk,
                                list(served.listeners) + " in " + place.label() + " serves " + address, ""});
            return check_owner(subject, place, served.listeners.front(), findings);
        case Serving::kElsewhere:
            findings.push_back({"proxy.listening", State::kBroken,
                                "the configuration says " + address + ", but what listens in " + place.label() +
                                    " is " + list(served.listeners) + ": redirected connections do not reach it",
                                "let the proxy listen on " + address + ", or say in proxy.listen where it does"});
            return;
        default:
            findings.push_back({"proxy.listening", workload.empty ? State::kWarn : State::kBroken,
                                "nothing listens on " + address + " in " + place.label() +
                                    (workload.empty ? "; no process is in a captured cgroup now" : ""),
                                "start the proxy in that network namespace; whenDown says what happens meanwhile"});
    }
}

}  // namespace

void check_proxy(const Subject& subject, const Workload& workload, Findings& findings) {
    for (const auto& place : workload.namespaces) {
        if (subject.listen_v4) check_listener(subject, workload, place, *subject.listen_v4, findings);
        if (subject.listen_v6) check_listener(subject, workload, place, *subject.listen_v6, findings);
    }
}

// Connections that no hook saw. Outgoing ones to elsewhere: a redirected one ends at loopback, an accepted one has the
// port of a listener, and the proxy's own go out.
void check_earlier_connections(const Subject& subject, const Workload& workload, Findings& findings) {
    if (subject.captured.empty()) return;
    const auto mount = kernel::cgroup2_mount();
    for (const auto& place : workload.namespaces) {
        std::set<std::uint64_t> owned;
        for (const auto pid : place.captured) {
            const auto path = mount ? *mount + cgroup_of(pid) : std::string();
            const bool proxy = !subject.proxy_cgroup.empty() && (path + "/").starts_with(subject.proxy_cgroup + "/");
            if (!proxy) owned.merge(socket_inodes(pid));
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
            findings.push_back(
                {"connections", State::kOk,
                 "no process of a captured cgroup in " + place.label() + " has a connection past the proxy", ""});
        else
            findings.push_back(
                {"connections", State::kInfo,
                 std::to_string(count) + " open connection(s) past the proxy in " + place.label() +
                     ", for example to " + example + ": made before the load, or let out by a rule",
                 "shunt explain " + example + " tells which; restart the process to redirect the former"});
    }
}

}  // namespace shunt::diagnose
