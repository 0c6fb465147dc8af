// SPDX-License-Identifier: Apache-2.0
#include "bench/echo_stage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kSmallBatch = 400, kLargeBatch = 50, kBlocks = 400;  // a block: 64 KiB
constexpr std::size_t kBlock = 65536;
constexpr int kOriginalDst = 80;
enum class What : std::uint64_t { kRoundTrips, kOneWay, kWho };

base::Error failed(const char* what) { return base::errno_error(what, errno); }

bool send_all(int fd, const char* bytes, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
        const auto sent = send(fd, bytes + done, size - done, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        done += static_cast<std::size_t>(sent);
    }
    return true;
}
bool receive_all(int fd, char* bytes, std::size_t size) {
    return recv(fd, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

void send_at_once(int fd) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Words of a request: what, size of a message, count. The server answers a message with itself, blocks with one byte.
base::Result<Words> echo(int fd, const Words& words) {
    std::vector<char> buffer(words[1]);
    for (std::uint64_t i = 0; i < words[2]; ++i) {
        if (!receive_all(fd, buffer.data(), buffer.size())) return tl::unexpected(failed("receive"));
        if (static_cast<What>(words[0]) == What::kRoundTrips && !send_all(fd, buffer.data(), buffer.size()))
            return tl::unexpected(failed("send"));
    }
    if (static_cast<What>(words[0]) == What::kOneWay && !send_all(fd, buffer.data(), 1))
        return tl::unexpected(failed("send"));
    return Words{};
}

// Nanoseconds of each round trip, or of all blocks together.
base::Result<Words> drive(int fd, const Words& words) {
    std::vector<char> buffer(words[1], 'x');
    Words times;
    const auto all = Clock::now();
    const auto since = [](Clock::time_point start) {
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
    };
    for (std::uint64_t i = 0; i < words[2]; ++i) {
        const auto start = Clock::now();
        if (!send_all(fd, buffer.data(), buffer.size())) return tl::unexpected(failed("send"));
        if (static_cast<What>(words[0]) == What::kOneWay) continue;
        if (!receive_all(fd, buffer.data(), buffer.size())) return tl::unexpected(failed("receive"));
        times.push_back(since(start));
    }
    if (static_cast<What>(words[0]) == What::kRoundTrips) return times;
    if (!receive_all(fd, buffer.data(), 1)) return tl::unexpected(failed("receive"));
    return Words{since(all)};
}

sockaddr_in address(std::uint32_t ip, unsigned port) {
    sockaddr_in sa{};
    sa.sin_family = AF_INET;
    sa.sin_addr.s_addr = htonl(ip);
    sa.sin_port = htons(static_cast<std::uint16_t>(port));
    return sa;
}

// Where the connection was going: what the kernel says was dialled, or where it arrived when nothing redirects it.
base::Result<Words> original_destination(int fd, bool direct) {
    sockaddr_in sa{};
    socklen_t size = sizeof sa;
    const int status = direct ? getsockname(fd, reinterpret_cast<sockaddr*>(&sa), &size)
                              : getsockopt(fd, SOL_IP, kOriginalDst, &sa, &size);
    if (status != 0) return tl::unexpected(failed("original destination"));
    return Words{ntohl(sa.sin_addr.s_addr), ntohs(sa.sin_port)};
}

base::Result<Worker::Serve> make_server(bool direct) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const auto sa = address(0, kOutboundPort);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&sa), sizeof sa) != 0 || listen(listener, 8) != 0)
        return tl::unexpected(failed("listen"));
    return Worker::Serve([listener, direct, fd = -1](const Words& words) mutable -> base::Result<Words> {
        if (fd < 0) {
            fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return tl::unexpected(failed("accept"));
            send_at_once(fd);
        }
        return static_cast<What>(words[0]) == What::kWho ? original_destination(fd, direct) : echo(fd, words);
    });
}

base::SocketAddress dialled(bool direct) {
    if (direct) return {base::Address::v4(0x7f000001), kOutboundPort};
    return {base::Address::v4(0x0a600001), 9080};
}

base::Result<Worker::Serve> make_client(bool direct) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto to = dialled(direct);
    const auto sa = address(to.address.v4_host_order(), to.port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&sa), sizeof sa) != 0) return tl::unexpected(failed("connect"));
    send_at_once(fd);
    return Worker::Serve([fd](const Words& words) { return drive(fd, words); });
}

struct Pair {
    std::string arm;
    Worker client, server;
    std::vector<double> small, large, block;  // one value for each round

    base::Status measure(What what, std::size_t size, unsigned count, std::vector<double>& values) {
        const Words request{static_cast<std::uint64_t>(what), size, count};
        if (auto sent = server.send(request); !sent) return sent;
        auto times = client.ask(request);
        if (!times) return tl::unexpected(times.error());
        if (auto done = server.receive(); !done) return tl::unexpected(done.error());
        values.push_back(median({times->begin(), times->end()}));
        return {};
    }
};

base::Result<Pair> start_pair(const Workplace& place, const Arm& arm, int cpu) {
    const int ns = arm.netns().fd.get();
    const auto& name = arm.spec().name;
    const bool direct = arm.spec().mechanism == Mechanism::kNone;
    auto server = Worker::start({.netns = ns, .cgroup = place.proxy(arm.folder()), .cpu = cpu}, name + ": echo",
                                [&] { return make_server(direct); });
    if (!server) return tl::unexpected(server.error());
    auto client = Worker::start({.netns = ns, .cgroup = place.app(arm.folder()), .cpu = cpu}, name + ": client",
                                [&] { return make_client(direct); });
    if (!client) return tl::unexpected(client.error());
    return Pair{name, std::move(*client), std::move(*server), {}, {}, {}};
}

// Of the one connection that is there.
base::Result<ArmProof> prove(const Arm& arm, Pair& pair, const std::optional<std::uint64_t>& before) {
    const auto told = pair.server.ask({static_cast<std::uint64_t>(What::kWho)});
    if (!told) return tl::unexpected(told.error());
    const auto after = arm.hits();
    if (!after) return tl::unexpected(after.error());
    const auto wanted = dialled(arm.spec().mechanism == Mechanism::kNone);
    const base::SocketAddress seen{base::Address::v4(static_cast<std::uint32_t>((*told)[0])),
                                   static_cast<std::uint16_t>((*told)[1])};
    ArmProof proof{.arm = pair.arm + ", established", .connections = 1, .seen = 1, .right = seen == wanted ? 1u : 0u};
    if (*after) proof.hits = **after - *before;
    if (seen != wanted) proof.first_wrong = base::to_string(seen) + " instead of " + base::to_string(wanted);
    return proof;
}

}  // namespace

base::Result<EchoResult> run_echo(const Workplace& place, std::vector<Arm>& arms, const Until& until, int cpu,
                                  std::uint64_t seed, const Progress& progress) {
    std::vector<Pair> pairs;
    EchoResult result;
    for (auto& arm : arms) {
        const auto before = arm.hits();
        if (!before) return tl::unexpected(before.error());
        auto pair = start_pair(place, arm, cpu);
        if (!pair) return tl::unexpected(pair.error());
        pairs.push_back(std::move(*pair));
        auto proof = prove(arm, pairs.back(), *before);
        if (!proof) return tl::unexpected(proof.error());
        result.proofs.push_back(*proof);
    }
    std::mt19937_64 random(seed);
    std::vector<std::size_t> order(pairs.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto start = Clock::now();
    for (unsigned round = 0; until.goes_on(round); ++round) {
        if (!progress(until.part(round, start))) return base::fail("interrupted");
        std::shuffle(order.begin(), order.end(), random);
        for (const auto i : order) {
            auto& pair = pairs[i];
            if (auto done = pair.measure(What::kRoundTrips, kSmallMessage, kSmallBatch, pair.small); !done)
                return tl::unexpected(done.error());
            if (auto done = pair.measure(What::kRoundTrips, kLargeMessage, kLargeBatch, pair.large); !done)
                return tl::unexpected(done.error());
            if (auto done = pair.measure(What::kOneWay, kBlock, kBlocks, pair.block); !done)
                return tl::unexpected(done.error());
        }
    }
    const auto against_direct = [&](const Pair& pair) {
        std::vector<double> ratios;
        for (std::size_t i = 0; i < pair.small.size(); ++i) ratios.push_back(pair.small[i] / pairs.front().small[i]);
        return bootstrap(ratios.size(), 1000, seed, [&](const std::vector<std::size_t>& chosen) {
            std::vector<double> some;
            some.reserve(chosen.size());
            for (const auto i : chosen) some.push_back(ratios[i]);
            return median(std::move(some));
        });
    };
    double noise = 0;
    for (const auto& pair : pairs) {
        EchoFigures figures{pair.arm, median(pair.small), median(pair.large)};
        figures.bytes_per_second = 1e9 * kBlocks * kBlock / median(pair.block);
        figures.over_direct = against_direct(pair);
        const auto off = std::max({std::abs(figures.over_direct.value - 1), std::abs(figures.over_direct.low - 1),
                                   std::abs(figures.over_direct.high - 1)});
        if (pair.arm == "direct-again") noise = off;
        result.figures.push_back(figures);
    }
    for (auto& figures : result.figures)
        figures.distinguishable = !figures.arm.starts_with("direct") && std::abs(figures.over_direct.value - 1) > noise;
    return result;
}

}  // namespace shunt::bench
