// SPDX-License-Identifier: Apache-2.0
#include "harness/dial.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/error.h"

namespace shunt::harness {

namespace {

void set_timeout(int fd, int milliseconds) {
    const timeval timeout{milliseconds / 1000, (milliseconds % 1000) * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);  // also limits a blocking connect()
}

int set_flag(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

// What follows the line stays unread: the script of a test goes on with it.
std::string read_line(int fd) {
    std::string line;
    char buffer[256];
    for (ssize_t got = 0; (got = recv(fd, buffer, sizeof buffer, MSG_PEEK)) > 0;) {
        const auto there = static_cast<std::size_t>(got);
        const auto* end = static_cast<const char*>(std::memchr(buffer, '\n', there));
        const auto take = end != nullptr ? static_cast<std::size_t>(end - buffer) + 1 : there;
        if (recv(fd, buffer, take, 0) != static_cast<ssize_t>(take)) break;
        line.append(buffer, end != nullptr ? take - 1 : take);
        if (end != nullptr) break;
    }
    return line;
}

Outcome dial_here(const Dial& dial) {
    const Fd fd(open_socket(dial));
    return talk(fd.get(), dial, fd ? connect_socket(fd.get(), dial) : errno);
}

}  // namespace

// By the names of their members.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Outcome, error, line, peer, local)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Dial, destination, family, type, protocol, mark, source, device, early_port,
                                   freebind, v6only, nonblocking, say_destination, timeout_ms)

namespace {

void serve(int control) {
    for (auto text = receive_text(control); !text.empty(); text = receive_text(control)) {
        send_text(control, nlohmann::json(dial_here(nlohmann::json::parse(text).get<Dial>())).dump());
    }
}

}  // namespace

std::string error_name(int error) {
    const char* name = error == 0 ? "0" : strerrorname_np(error);
    return name != nullptr ? name : std::to_string(error);
}

std::string to_text(const Outcome& outcome) {
    if (outcome.error != 0) return error_name(outcome.error);
    return "'" + outcome.line + "' peer " + outcome.peer + " local " + outcome.local;
}

int open_socket(const Dial& dial) {
    const int family = dial.family == Family::kV4 ? AF_INET : AF_INET6;
    Fd fd(socket(family, dial.type | SOCK_CLOEXEC, dial.protocol));
    if (!fd) return -1;
    set_timeout(fd.get(), dial.timeout_ms);
    if (dial.mark != 0 && setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &dial.mark, sizeof dial.mark) < 0) return -1;
    if (!dial.device.empty() && setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, dial.device.c_str(),
                                           static_cast<socklen_t>(dial.device.size())) < 0) {
        return -1;
    }
    if (dial.freebind && set_flag(fd.get(), SOL_IP, IP_FREEBIND, 1) < 0) return -1;
    if (dial.v6only && set_flag(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) return -1;
    if (!dial.source.empty()) {
        const auto source = for_family(parse(dial.source), dial.family);
        set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (source.port() == 0 && !dial.early_port) set_flag(fd.get(), SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (bind(fd.get(), source.get(), source.length) < 0) return -1;
    }
    return fd.release();
}

int connect_socket(int fd, const Dial& dial) {
    const auto to = for_family(parse(dial.destination), dial.family);
    if (!dial.nonblocking) return connect(fd, to.get(), to.length) == 0 ? 0 : errno;
    const int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int error = connect(fd, to.get(), to.length) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
        socklen_t length = sizeof error;
        error = poll(&wait, 1, dial.timeout_ms) == 1 ? 0 : ETIMEDOUT;
        if (error == 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    }
    fcntl(fd, F_SETFL, flags);
    return error;
}

Outcome talk(int fd, const Dial& dial, int error) {
    Outcome outcome{.error = error, .line = {}, .peer = "-", .local = "-"};
    if (error != 0) return outcome;
    outcome.peer = peer_text(fd);
    outcome.local = local_text(fd);
    if (dial.type != SOCK_STREAM) return outcome;
    if (dial.say_destination) {
        const auto token = to_text(parse(dial.destination)) + "\n";
        if (send(fd, token.data(), token.size(), MSG_NOSIGNAL) < 0) outcome.error = errno;
    }
    outcome.line = read_line(fd);
    return outcome;
}

Outcome dial(const Placement& place, const Dial& dial) {
    const auto text = run_in(place, [&] { return nlohmann::json(dial_here(dial)).dump(); });
    return nlohmann::json::parse(text).get<Outcome>();
}

Outcome Callers::dial(const Placement& place, const Dial& dial) {
    auto key = place.netns + " " + place.cgroup + " " + std::to_string(place.uid) + " " + std::to_string(place.gid) +
               (place.privileged ? "" : " unprivileged");
    for (const auto group : place.groups) key += " " + std::to_string(group);
    auto found = children_.find(key);
    if (found == children_.end()) found = children_.emplace(key, Child(place, serve)).first;
    return nlohmann::json::parse(found->second.ask(nlohmann::json(dial).dump())).get<Outcome>();
}

}  // namespace shunt::harness
