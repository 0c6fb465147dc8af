// SPDX-License-Identifier: Apache-2.0
#include "diagnose/socket_cgroup.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "kernel/fd.h"

namespace shunt::diagnose {
namespace {

constexpr std::size_t kBuffer = std::size_t{32} * 1024;  // what the kernel puts into one answer at most

struct Request {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
};

std::optional<std::uint64_t> cgroup_attribute(const nlmsghdr& message) {
    const auto* body = static_cast<const inet_diag_msg*>(NLMSG_DATA(&message));
    auto left = static_cast<int>(message.nlmsg_len - NLMSG_LENGTH(sizeof *body));
    for (auto* at = reinterpret_cast<const rtattr*>(body + 1); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if (at->rta_type != INET_DIAG_CGROUP_ID || RTA_PAYLOAD(at) != sizeof(std::uint64_t)) continue;
        std::uint64_t id = 0;
        std::memcpy(&id, RTA_DATA(at), sizeof id);
        return id;
    }
    return std::nullopt;
}

// Of the calling thread's network namespace.
std::optional<std::uint64_t> ask(const Socket& listener) {
    const kernel::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    Request request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = listener.v6 ? AF_INET6 : AF_INET;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = 1u << TCP_LISTEN;
    if (!fd || send(fd.get(), &request, sizeof request, 0) < 0) return std::nullopt;
    for (;;) {
        alignas(nlmsghdr) char buffer[kBuffer];
        const auto size = recv(fd.get(), buffer, sizeof buffer, 0);
        if (size <= 0) return std::nullopt;
        auto left = static_cast<unsigned>(size);
        for (auto* at = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR) return std::nullopt;
            if (at->nlmsg_type != SOCK_DIAG_BY_FAMILY || at->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
            if (static_cast<const inet_diag_msg*>(NLMSG_DATA(at))->idiag_inode == listener.inode)
                return cgroup_attribute(*at);
        }
    }
}

}  // namespace

std::optional<std::uint64_t> cgroup_of_listener(const Namespace& place, const Socket& listener) {
    std::optional<std::uint64_t> id;
    inside(place, [&] { id = ask(listener); });
    return id;
}

}  // namespace shunt::diagnose
