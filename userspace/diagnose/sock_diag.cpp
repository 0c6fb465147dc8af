// SPDX-License-Identifier: Apache-2.0
#include "diagnose/sock_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "kernel/fd.h"

namespace shunt::diagnose {
namespace {

constexpr std::size_t kReceive = 1 << 20;

struct Request {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
    // INET_DIAG_REQ_SK_BPF_STORAGES { SK_DIAG_BPF_STORAGE_REQ_MAP_FD }
    nlattr storages{};
    nlattr map{};
    std::uint32_t map_fd = 0;
};

Request request_for(int family, std::uint16_t remote_port, int storage_map) {
    Request request;
    const bool storage = storage_map >= 0;
    request.header.nlmsg_len = storage ? sizeof request : NLMSG_LENGTH(sizeof request.body);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = static_cast<std::uint8_t>(family);
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = 0xfffu & ~(1u << TCP_LISTEN | 1u << TCP_CLOSE | 1u << TCP_TIME_WAIT);
    request.body.id.idiag_dport = htons(remote_port);
    if (storage) {
        request.storages = {sizeof request.storages + sizeof request.map + sizeof request.map_fd,
                            INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED};
        request.map = {sizeof request.map + sizeof request.map_fd, SK_DIAG_BPF_STORAGE_REQ_MAP_FD};
        request.map_fd = static_cast<std::uint32_t>(storage_map);
    }
    return request;
}

base::SocketAddress end_of(int family, const __be32* words, __be16 port) {
    base::SocketAddress end;
    end.port = ntohs(port);
    if (family == AF_INET)
        end.address = base::Address::v4(ntohl(words[0]));
    else
        std::memcpy(end.address.bytes.data(), words, 16);
    return end;
}

// Calls visit(type, data, length) for each attribute.
template <class Visit>
void for_each_attribute(const char* data, std::size_t length, Visit visit) {
    while (length >= sizeof(nlattr)) {
        nlattr attribute;
        std::memcpy(&attribute, data, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > length) return;
        visit(attribute.nla_type & NLA_TYPE_MASK, data + sizeof attribute, attribute.nla_len - sizeof attribute);
        const std::size_t step = NLA_ALIGN(attribute.nla_len);
        if (step >= length) return;
        data += step;
        length -= step;
    }
}

// INET_DIAG_SK_BPF_STORAGES { SK_DIAG_BPF_STORAGE { MAP_ID, MAP_VALUE } }; one map was asked for.
void read_storage(const char* data, std::size_t length, DiagSocket& socket) {
    for_each_attribute(data, length, [&](int type, const char* inner, std::size_t size) {
        if (type != SK_DIAG_BPF_STORAGE) return;
        for_each_attribute(inner, size, [&](int kind, const char* value, std::size_t bytes) {
            if (kind != SK_DIAG_BPF_STORAGE_MAP_VALUE || bytes < sizeof(shunt_sock)) return;
            std::memcpy(&socket.stored.emplace(), value, sizeof(shunt_sock));
        });
    });
}

DiagSocket socket_of(const inet_diag_msg& message, const char* attributes, std::size_t length) {
    DiagSocket socket;
    socket.local = end_of(message.idiag_family, message.id.idiag_src, message.id.idiag_sport);
    socket.remote = end_of(message.idiag_family, message.id.idiag_dst, message.id.idiag_dport);
    socket.state = message.idiag_state;
    socket.uid = message.idiag_uid;
    socket.inode = message.idiag_inode;
    for_each_attribute(attributes, length, [&](int type, const char* data, std::size_t size) {
        if (type == INET_DIAG_CGROUP_ID && size == sizeof(std::uint64_t))
            std::memcpy(&socket.cgroup_id.emplace(), data, sizeof(std::uint64_t));
        if (type == INET_DIAG_SK_BPF_STORAGES) read_storage(data, size, socket);
    });
    return socket;
}

// One datagram of answers. True: it was the last one.
base::Result<bool> read_answers(const char* data, std::size_t length,
                                const std::function<void(const DiagSocket&)>& visit) {
    while (length >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, data, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > length) break;
        const char* body = data + NLMSG_HDRLEN;
        const std::size_t size = header.nlmsg_len - NLMSG_HDRLEN;
        if (header.nlmsg_type == NLMSG_DONE) return true;
        if (header.nlmsg_type == NLMSG_ERROR) {
            nlmsgerr error{};
            std::memcpy(&error, body, std::min(size, sizeof error));
            return tl::unexpected<base::Error>(base::errno_error("sock_diag", -error.error));
        }
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && size >= sizeof(inet_diag_msg)) {
            inet_diag_msg message;
            std::memcpy(&message, body, sizeof message);
            const std::size_t skip = NLMSG_ALIGN(sizeof message);
            visit(socket_of(message, body + skip, size > skip ? size - skip : 0));
        }
        const std::size_t step = NLMSG_ALIGN(header.nlmsg_len);
        if (step >= length) break;
        data += step;
        length -= step;
    }
    return false;
}

}  // namespace

base::Status for_each_socket(int family, std::uint16_t remote_port, int storage_map,
                             const std::function<void(const DiagSocket&)>& visit) {
    const kernel::Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd) return tl::unexpected<base::Error>(base::errno_error("sock_diag", errno));
    const auto request = request_for(family, remote_port, storage_map);
    if (send(fd.get(), &request, request.header.nlmsg_len, 0) < 0)
        return tl::unexpected<base::Error>(base::errno_error("sock_diag", errno));
    std::vector<char> buffer(kReceive);
    for (;;) {
        const auto got = recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return tl::unexpected<base::Error>(base::errno_error("sock_diag", errno));
        const auto last = read_answers(buffer.data(), static_cast<std::size_t>(got), visit);
        if (!last) return tl::unexpected<base::Error>(last.error());
        if (*last || got == 0) return {};
    }
}

const char* tcp_state_name(std::uint8_t state) {
    constexpr std::array<const char*, 13> kNames{"UNKNOWN",   "ESTABLISHED", "SYN_SENT",    "SYN_RECV",   "FIN_WAIT1",
                                                 "FIN_WAIT2", "TIME_WAIT",   "CLOSE",       "CLOSE_WAIT", "LAST_ACK",
                                                 "LISTEN",    "CLOSING",     "NEW_SYN_RECV"};
    return state < kNames.size() ? kNames[state] : kNames[0];
}

}  // namespace shunt::diagnose
