// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer_checked_server.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace shunt::daemon {
namespace {

constexpr int kTimeoutMs = 5000;

class SocketStream final : public httplib::Stream {
public:
    explicit SocketStream(socket_t fd) : fd_(fd) {}

    bool is_readable() const override { return ready(POLLIN); }
    bool is_writable() const override { return ready(POLLOUT); }

    ssize_t read(char* buffer, size_t size) override {
        return is_readable() ? retried([&] { return recv(fd_, buffer, size, 0); }) : -1;
    }

    ssize_t write(const char* bytes, size_t size) override {
        return is_writable() ? retried([&] { return send(fd_, bytes, size, MSG_NOSIGNAL); }) : -1;
    }

    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return fd_; }

private:
    template <class Call>
    static ssize_t retried(Call call) {
        for (;;) {
            const ssize_t result = call();
            if (result >= 0 || errno != EINTR) return result;
        }
    }

    bool ready(short events) const {
        pollfd entry{fd_, events, 0};
        return retried([&] { return poll(&entry, 1, kTimeoutMs); }) > 0;
    }

    socket_t fd_;
};

}  // namespace

bool PeerCheckedServer::process_and_close_socket(socket_t sock) {
    ucred peer{};
    socklen_t size = sizeof peer;
    bool served = false;
    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        spdlog::warn("control socket: SO_PEERCRED: errno {}; request refused", errno);
    } else if (peer.uid != 0 && peer.uid != geteuid()) {
        spdlog::warn("control socket: request of process {} refused: its user is {}, not root", peer.pid, peer.uid);
    } else {
        SocketStream stream(sock);
        bool closed = false;
        served = process_request(stream, true, closed, nullptr);
    }
    shutdown(sock, SHUT_RDWR);
    close(sock);
    return served;
}

}  // namespace shunt::daemon
