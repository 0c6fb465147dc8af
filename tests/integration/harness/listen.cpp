// SPDX-License-Identifier: Apache-2.0
#include "harness/listen.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "harness/address.h"
#include "harness/error.h"

namespace shunt::harness {

Fd listen_on(const std::string& address, bool share_port) {
    const bool dual = address.rfind("dual:", 0) == 0;
    const auto at = parse(dual ? "[::]:" + address.substr(5) : address);
    Fd fd(check(socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
    const int one = 1, v6only = dual ? 0 : 1;
    check(setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
    if (share_port) check(setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), "SO_REUSEPORT");
    if (at.family() == AF_INET6) {
        check(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only), "IPV6_V6ONLY");
    }
    const int queue = 1024;
    setsockopt(fd.get(), IPPROTO_TCP, 23 /* TCP_FASTOPEN */, &queue, sizeof queue);
    check(bind(fd.get(), at.get(), at.length), "bind " + address);
    check(listen(fd.get(), 65535), "listen " + address);
    return fd;
}

bool listens(pid_t process, unsigned port) {
    char local[8];
    std::snprintf(local, sizeof local, ":%04X", port);
    for (const char* name : {"tcp", "tcp6"}) {
        std::ifstream table("/proc/" + std::to_string(process) + "/net/" + name);
        for (std::string line; std::getline(table, line);) {
            std::istringstream words(line);
            std::string number, address, peer, state;
            words >> number >> address >> peer >> state;
            if (state == "0A" && address.ends_with(local)) return true;
        }
    }
    return false;
}

Loop::Loop() : epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll")) {}

void Loop::add(int fd, std::function<void()> on_readable) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll add");
    handlers_[fd] = std::move(on_readable);
}

void Loop::remove(int fd) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    handlers_.erase(fd);
}

void Loop::run() {
    for (;;) {
        epoll_event events[64];
        const int count = epoll_wait(epoll_.get(), events, 64, -1);
        for (int i = 0; i < count; ++i) {
            const auto found = handlers_.find(events[i].data.fd);
            if (found == handlers_.end()) continue;
            const auto handler = found->second;  // a copy: it may remove itself
            handler();
        }
    }
}

void answer_and_close(int fd, const std::string& line) {
    const auto text = line + "\n";
    if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) >= 0) shutdown(fd, SHUT_WR);
    close(fd);
}

}  // namespace shunt::harness
