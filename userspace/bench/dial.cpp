// SPDX-License-Identifier: Apache-2.0
#include "bench/dial.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "bench/roll_call.h"

namespace shunt::bench {
namespace {

constexpr int kWaitSeconds = 10;
constexpr int kOriginalDst = 80;  // of IPv4 and of IPv6; their headers do not go together with netinet/in.h
enum Request : std::uint64_t { kDial, kHangUp };

base::Error failed(const std::string& what) { return base::errno_error(what, errno); }

Words pack(std::uint64_t kind, const BatchRequest& request) {
    return {kind, static_cast<std::uint64_t>(request.family), request.seed, request.count};
}
BatchRequest unpack(const Words& words) { return {static_cast<Family>(words[1]), words[2], words[3]}; }

// A direct arm dials the proxy at as many addresses of 127/8 as there are destinations: the kernel looks for a source
// port at another place for each destination, and one address alone would make direct cheaper than it is for real
// traffic.
base::SocketAddress expected(const DialSetting& setting, const BatchRequest& request, std::uint64_t n) {
    if (setting.destinations > 0) n %= setting.destinations;
    const auto wanted = destination(setting.size, request.family, request.seed, n);
    if (!setting.direct) return wanted;
    if (request.family != Family::kV6)
        return {base::Address::v4(0x7f000000 | (wanted.address.v4_host_order() & 0xffffff)), kOutboundPort};
    base::Address local{};
    local.bytes[15] = 1;
    return {local, kOutboundPort};
}

struct Sockaddr {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Sockaddr to_sockaddr(const base::SocketAddress& address, bool v4_socket) {
    Sockaddr result;
    if (v4_socket) {
        auto* sa = reinterpret_cast<sockaddr_in*>(&result.storage);
        sa->sin_family = AF_INET;
        sa->sin_port = htons(address.port);
        sa->sin_addr.s_addr = htonl(address.address.v4_host_order());
        result.size = sizeof *sa;
    } else {
        auto* sa = reinterpret_cast<sockaddr_in6*>(&result.storage);
        sa->sin6_family = AF_INET6;
        sa->sin6_port = htons(address.port);
        std::memcpy(&sa->sin6_addr, address.address.bytes.data(), 16);
        result.size = sizeof *sa;
    }
    return result;
}

base::SocketAddress from_sockaddr(const sockaddr_storage& storage) {
    base::SocketAddress result;
    if (storage.ss_family == AF_INET) {
        const auto* sa = reinterpret_cast<const sockaddr_in*>(&storage);
        result.address = base::Address::v4(ntohl(sa->sin_addr.s_addr));
        result.port = ntohs(sa->sin_port);
    } else {
        const auto* sa = reinterpret_cast<const sockaddr_in6*>(&storage);
        std::memcpy(result.address.bytes.data(), &sa->sin6_addr, 16);
        result.port = ntohs(sa->sin6_port);
    }
    return result;
}

std::uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000000000u + static_cast<std::uint64_t>(time.tv_nsec);
}

// Closing resets the connection: no TIME_WAIT, so the next batch finds the same state.
base::Result<int> make_socket(Family family) {
    const int fd = socket(family == Family::kV4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return tl::unexpected(failed("socket"));
    const linger reset{1, 0};
    const timeval limit{kWaitSeconds, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

// Room for `held` open files and some more.
base::Status allow_files(unsigned held) {
    const rlim_t wanted = held + 1000;
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return {};
    limit = {wanted, std::max(limit.rlim_max, wanted)};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return tl::unexpected(failed("allow " + std::to_string(wanted) + " open files"));
    return {};
}

class Client {
public:
    explicit Client(const DialSetting& setting) : setting_(setting) {}

    base::Result<Words> serve(const Words& words) {
        if (words[0] == kHangUp) {
            for (const int fd : open_) close(fd);
            open_.clear();
            return Words{};
        }
        const auto request = unpack(words);
        std::vector<Sockaddr> destinations;
        for (std::uint64_t i = 0; i < request.count; ++i) {
            auto fd = make_socket(request.family);
            if (!fd) return tl::unexpected(fd.error());
            open_.push_back(*fd);
            destinations.push_back(to_sockaddr(expected(setting_, request, i), request.family == Family::kV4));
        }
        Words times(request.count);
        const auto first = open_.size() - request.count;
        for (std::size_t i = 0; i < request.count; ++i) {
            const auto before = now();
            const int result = connect(open_[first + i], destinations[i].get(), destinations[i].size);
            times[i] = now() - before;
            if (result != 0)
                return tl::unexpected(failed("connect to " + base::to_string(expected(setting_, request, i)) +
                                             (errno == EINPROGRESS ? " took too long" : "")));
        }
        for (std::uint32_t i = 0; i < request.count; ++i)
            if (send(open_[first + i], &i, sizeof i, MSG_NOSIGNAL) != sizeof i)
                return tl::unexpected(failed("send to " + base::to_string(expected(setting_, request, i))));
        return times;
    }

private:
    DialSetting setting_;
    std::vector<int> open_;
};

base::Result<int> listen_on(Family family, unsigned backlog) {
    const bool v4 = family == Family::kV4;
    const int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return tl::unexpected(failed("socket"));
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!v4) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    base::SocketAddress any{v4 ? base::Address::v4(0) : base::Address{}, kOutboundPort};
    const auto where = to_sockaddr(any, v4);
    if (bind(fd, where.get(), where.size) != 0 || listen(fd, static_cast<int>(backlog)) != 0)
        return tl::unexpected(failed("listen on " + base::to_string(any)));
    return fd;
}

class Proxy {
public:
    Proxy(const DialSetting& setting, int v4, int v6) : setting_(setting), v4_(v4), v6_(v6) {}

    // Words: seen, right, then the text of what was wrong first.
    base::Result<Words> serve(const Words& words) const {
        if (words[0] == kHangUp) {
            close(v4_);
            return Words{};
        }
        const auto request = unpack(words);
        const int listener = request.family == Family::kV6 ? v6_ : v4_;
        RollCall roll(request.count, [&](std::uint64_t number) { return expected(setting_, request, number); });
        for (std::uint64_t i = 0; i < request.count; ++i) {
            int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0 && errno == EAGAIN && is_readable(listener))
                fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) break;
            const auto told = original(fd, request.family);
            roll.answer(number(fd), told);
            if (setting_.held == 0) close(fd);  // else it stays as long as this process
        }
        Words result{roll.seen(), roll.right()};
        for (const char byte : roll.first_wrong()) result.push_back(static_cast<unsigned char>(byte));
        return result;
    }

private:
    // Undirected connections have no original destination: theirs is where
    // they arrived.
    base::SocketAddress original(int fd, Family family) const {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        const bool v6 = family == Family::kV6;
        if (setting_.direct)
            getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
        else if (getsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, kOriginalDst, &storage, &size) != 0)
            return {};
        return from_sockaddr(storage);
    }

    static bool is_readable(int fd) {
        pollfd waiting{fd, POLLIN, 0};
        return poll(&waiting, 1, 1000 * kWaitSeconds) == 1;
    }

    static std::optional<std::uint64_t> number(int fd) {
        std::uint32_t value = 0;
        auto size = recv(fd, &value, sizeof value, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN && is_readable(fd)) size = recv(fd, &value, sizeof value, MSG_DONTWAIT);
        if (size != sizeof value) return {};
        return value;
    }

    DialSetting setting_;
    int v4_, v6_;
};

}  // namespace

base::Result<Worker> start_client(const Seat& seat, const std::string& arm, const DialSetting& setting) {
    return Worker::start(seat, arm + ": client", [setting]() -> base::Result<Worker::Serve> {
        if (auto allowed = allow_files(setting.held); !allowed) return tl::unexpected(allowed.error());
        auto client = std::make_shared<Client>(setting);
        return Worker::Serve([client](const Words& words) { return client->serve(words); });
    });
}

base::Result<Worker> start_proxy(const Seat& seat, const std::string& arm, const DialSetting& setting) {
    return Worker::start(seat, arm + ": proxy", [setting]() -> base::Result<Worker::Serve> {
        if (auto allowed = allow_files(setting.held); !allowed) return tl::unexpected(allowed.error());
        auto v4 = listen_on(Family::kV4, setting.backlog);
        if (!v4) return tl::unexpected(v4.error());
        base::Result<int> v6 = -1;
        if (setting.v6) v6 = listen_on(Family::kV6, setting.backlog);
        if (!v6) return tl::unexpected(v6.error());
        const Proxy proxy(setting, *v4, *v6);
        return Worker::Serve([proxy](const Words& words) { return proxy.serve(words); });
    });
}

base::Result<Words> dial(Worker& client, const BatchRequest& request) { return client.ask(pack(kDial, request)); }

base::Status hang_up(Worker& client) {
    auto done = client.ask({kHangUp});
    if (!done) return tl::unexpected(done.error());
    return {};
}

base::Status step_down(Worker& proxy) { return hang_up(proxy); }

base::Result<Accepted> accept_all(Worker& proxy, const BatchRequest& request) {
    auto words = proxy.ask(pack(kDial, request));
    if (!words) return tl::unexpected(words.error());
    Accepted accepted{(*words)[0], (*words)[1], {}};
    for (std::size_t i = 2; i < words->size(); ++i) accepted.first_wrong.push_back(static_cast<char>((*words)[i]));
    return accepted;
}

}  // namespace shunt::bench
