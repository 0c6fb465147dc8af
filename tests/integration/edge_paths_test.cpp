// SPDX-License-Identifier: Apache-2.0
// Other ways into connect(): TCP Fast Open, MPTCP, io_uring. And clients that are gone before the proxy looks.
#include <liburing.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

// The proxy reads what the client sends first, and says whether that is the destination it was told.
class Verified : public Edge {
protected:
    Verified() : Edge({}, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true}) {}

    std::string finish(int fd) const {
        std::string line(64, '\0');
        const auto got = recv(fd, line.data(), line.size(), 0);
        line.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return line + peer_text(fd);
    }
};

TEST_P(Verified, MsgFastopen) {
    // The first connection fetches the cookie, the next ones carry the data in the SYN.
    for (int round = 0; round < 3; ++round) {
        const auto text = run_in(sandbox_.app(), [this] {
            const Fd fd(check(open_socket(to(first())), "socket"));
            const auto address = for_family(parse(first()), family());
            const auto token = first() + "\n";
            check(static_cast<int>(
                      sendto(fd.get(), token.data(), token.size(), MSG_FASTOPEN, address.get(), address.length)),
                  "sendto with MSG_FASTOPEN");
            return finish(fd.get());
        });
        EXPECT_EQ(text, "ok\n" + first()) << "round " << round;
    }
}

TEST_P(Verified, FastopenConnect) {
    for (int round = 0; round < 3; ++round) {
        const auto text = run_in(sandbox_.app(), [this] {
            const Fd fd(check(open_socket(to(first())), "socket"));
            const int one = 1;
            check(setsockopt(fd.get(), SOL_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one), "TCP_FASTOPEN_CONNECT");
            const auto address = for_family(parse(first()), family());
            check(connect(fd.get(), address.get(), address.length), "connect");
            const auto token = first() + "\n";
            check(static_cast<int>(send(fd.get(), token.data(), token.size(), 0)), "send");
            return finish(fd.get());
        });
        EXPECT_EQ(text, "ok\n" + first()) << "round " << round;
    }
}

// Does io_uring wait for a non-blocking socket's connect()? 5.10 gives EINPROGRESS to the caller, without shunt as
// well.
bool waits_for_nonblocking(const Placement& place, const std::string& destination, unsigned flags) {
    return run_in(place, [&] {
               io_uring ring;
               if (io_uring_queue_init(4, &ring, 0) < 0) fail_errno("io_uring");
               const Fd fd(check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
               const auto address = parse(destination);
               io_uring_sqe* entry = io_uring_get_sqe(&ring);
               io_uring_prep_connect(entry, fd.get(), address.get(), address.length);
               entry->flags |= static_cast<std::uint8_t>(flags);
               io_uring_submit(&ring);
               io_uring_cqe* done = nullptr;
               io_uring_wait_cqe(&ring, &done);
               const auto said = error_name(-done->res);
               io_uring_queue_exit(&ring);
               return said;
           }) != "EINPROGRESS";
}

TEST_P(Verified, IoUring) {
    for (const unsigned flags : {0u, static_cast<unsigned>(IOSQE_ASYNC)}) {
        const bool waits = waits_for_nonblocking(sandbox_.client_side(), "127.0.0.1:80", flags);
        for (const bool nonblocking : {false, true}) {
            const auto text = run_in(sandbox_.app(), [&] {
                io_uring ring;
                if (const int made = io_uring_queue_init(4, &ring, 0); made < 0) {
                    errno = -made;
                    fail_errno("io_uring");
                }
                const int type = SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
                const Fd fd(check(socket(family() == Family::kV4 ? AF_INET : AF_INET6, type, 0), "socket"));
                const auto address = for_family(parse(first()), family());
                io_uring_sqe* entry = io_uring_get_sqe(&ring);
                io_uring_prep_connect(entry, fd.get(), address.get(), address.length);
                entry->flags |= static_cast<std::uint8_t>(flags);
                io_uring_submit(&ring);
                io_uring_cqe* done = nullptr;
                io_uring_wait_cqe(&ring, &done);
                const bool goes_on = nonblocking && !waits && done->res == -EINPROGRESS;
                if (done->res != 0 && !goes_on) return error_name(-done->res);
                if (goes_on) {
                    pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
                    poll(&wait, 1, 3000);
                }
                io_uring_queue_exit(&ring);
                const auto token = first() + "\n";
                check(static_cast<int>(send(fd.get(), token.data(), token.size(), 0)), "send");
                pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};
                poll(&wait, 1, 3000);
                return finish(fd.get());
            });
            EXPECT_EQ(text, "ok\n" + first()) << "flags " << flags << " nonblocking " << nonblocking;
        }
    }
}

TEST_P(Verified, Mptcp) {
    const auto text = run_in(sandbox_.app(), [this]() -> std::string {
        auto what = to(first());
        what.protocol = IPPROTO_MPTCP;
        const Fd fd(open_socket(what));
        if (!fd) return "no MPTCP: " + error_name(errno);
        const int error = connect_socket(fd.get(), what);
        if (error != 0) return error_name(error);
        const auto token = first() + "\n";
        check(static_cast<int>(send(fd.get(), token.data(), token.size(), 0)), "send");
        return finish(fd.get());
    });
    if (text.rfind("no MPTCP", 0) == 0) GTEST_SKIP() << "this kernel has no MPTCP (" << text << ")";
    // The hooks see the subflow in connect() and the socket above it in getpeername(): only the address lane, which
    // needs no storage, can tell the application there what it dialled. What the proxy is told is right in both.
    if (v6() || GetParam().lane == "record") {
        EXPECT_EQ(text.rfind("ok\n", 0), 0u) << text;
    } else {
        EXPECT_EQ(text, "ok\n" + first());
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, Verified, testing::ValuesIn(kWays), name_of);

class Gone : public Edge {};

// Clients of each kind, over 20 destinations, all gone while their connections wait in the backlog.
TEST_P(Gone, BeforeAccept) {
    const std::uint64_t each = scaled(1000, 100) / 20 * 20;
    Batch batch{.count = each, .family = family(), .verify = false};
    for (int i = 1; i <= 20; ++i) {
        const auto n = std::to_string(i);
        batch.destinations.push_back(v6() ? "[2001:db8:9::" + n + "]:80" : "10.9." + n + ".3:80");
    }
    for (const bool reset : {false, true}) {
        SCOPED_TRACE(reset ? "RST" : "FIN");
        const auto before = proxy_.counts();
        proxy_.pause();
        batch.reset = reset;
        const auto result = Dialer(sandbox_.app()).run(batch);
        EXPECT_EQ(result.connected, each) << to_text(result);
        proxy_.resume();
        for (int i = 0; i < 1000 && proxy_.counts().accepted < before.accepted + each; ++i) usleep(5000);
        const auto after = proxy_.counts();
        EXPECT_EQ(after.accepted - before.accepted, each);
        EXPECT_EQ(after.missing, before.missing);
        for (const auto& destination : batch.destinations) {
            const auto old = before.destinations.find(destination);
            const auto was = old == before.destinations.end() ? 0 : old->second;
            const auto now = after.destinations.find(destination);
            ASSERT_NE(now, after.destinations.end()) << destination;
            EXPECT_EQ(now->second - was, each / 20) << destination;
        }
        EXPECT_EQ(after.destinations.size(), 20u) << "destinations that nobody dialled";
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, Gone, testing::ValuesIn(kWays), name_of);

// How proxies ask, and what they must be told: docs/architecture.md names who asks in which way.
class Asked : public testing::TestWithParam<Way> {
protected:
    std::string ask(const ProbeProxy& proxy, Ask how, std::uint32_t buffer = 128) const {
        proxy.ask_as(how, buffer);
        const bool v6 = GetParam().family == Family::kV6;
        const auto outcome = World::get().callers.dial(
            sandbox_.app(), {.destination = v6 ? "[2001:db8:9::9]:80" : "10.9.9.9:80", .family = GetParam().family});
        return outcome.line.substr(0, outcome.line.find(" peer"));
    }

    const Sandbox& sandbox_ = World::get().sandbox;
    const RunningShunt& shunt_ = World::get().run_shunt(edge_config(GetParam().lane));
};

TEST_P(Asked, InTheWaysOfRealProxies) {
    const bool v6 = GetParam().family == Family::kV6;
    const auto right = v6 ? "proxy [2001:db8:9::9]:80" : "proxy 10.9.9.9:80";
    const std::vector<std::vector<std::string>> listens = {{"0.0.0.0:15001", "[::]:15001"}, {"dual:15001"}};
    for (const auto& listen : listens) {
        const ProbeProxy proxy(sandbox_, {.listen = listen});
        for (const std::uint32_t buffer : {16u, 20u, 28u, 112u, 128u, 4096u, 8192u}) {
            SCOPED_TRACE(listen.front() + " buffer " + std::to_string(buffer));
            if (v6 && buffer < 28) continue;
            EXPECT_EQ(ask(proxy, Ask::kByFamily, buffer), right);
            if (!v6) {
                EXPECT_EQ(ask(proxy, Ask::kSolIp, buffer), right);
            }
            if (buffer >= 28) {
                EXPECT_EQ(ask(proxy, Ask::kSolIpv6ThenSolIp, buffer), right);
            }
        }
        for (const std::uint32_t buffer : {0u, 4u, 8u, 15u}) {
            const auto answer = ask(proxy, Ask::kByFamily, buffer);
            EXPECT_EQ(answer.rfind("proxy errno:", 0), 0u) << "buffer " << buffer << ": " << answer;
        }
        if (v6) {
            const auto answer = ask(proxy, Ask::kSolIp);
            EXPECT_EQ(answer.rfind("proxy errno:", 0), 0u) << "the wrong level must keep failing: " << answer;
        }
    }
}

// Each getsockopt() as "<level>,<option> <size>: <errno> <length>", by a process with 2,000 groups.
std::string answers_to_others(Placement place, Family family) {
    for (std::uint32_t group = 1; group <= 2000; ++group) place.groups.push_back(group);
    return run_in(place, [family] {
        std::string text;
        const auto ask = [&text](int fd, int level, int name) {
            for (const std::size_t size : {16u, 4096u, 4097u, 8192u, 100000u}) {
                std::vector<char> bytes(size);
                auto length = static_cast<socklen_t>(size);
                const int error = getsockopt(fd, level, name, bytes.data(), &length) == 0 ? 0 : errno;
                text += std::to_string(level) + "," + std::to_string(name) + " " + std::to_string(size) + ": " +
                        error_name(error) + " " + std::to_string(length) + "\n";
            }
        };
        const Fd tcp(check(open_socket({.destination = "10.9.9.9:80", .family = family}), "socket"));
        ask(tcp.get(), SOL_SOCKET, SO_RCVBUF);
        ask(tcp.get(), SOL_IP, 9999);
        ask(tcp.get(), SOL_IP, 80);  // SO_ORIGINAL_DST, of a socket that nobody redirected
        ask(tcp.get(), SOL_IPV6, 80);
        int ends[2];
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
        const Fd one(ends[0]), other(ends[1]);
        ask(one.get(), SOL_SOCKET, SO_PEERGROUPS);
        return text;
    });
}

// The kernel gives a getsockopt program at most 4096 bytes to look at. A question with a larger buffer that we do not
// answer (iptables asks such) ends as without shunt; kernels before 6.1.52 fail it where a program forgets to say so.
TEST_P(Asked, LargeQuestionsThatAreNotOurs) {
    const auto uncovered = answers_to_others(sandbox_.client_side(), GetParam().family);
    EXPECT_NE(uncovered.find("1,59 8192: 0 8000\n"), std::string::npos) << uncovered;
    EXPECT_EQ(answers_to_others(sandbox_.proxy(), GetParam().family), uncovered);
    EXPECT_EQ(answers_to_others(sandbox_.app(), GetParam().family), uncovered);
}

INSTANTIATE_TEST_SUITE_P(Ways, Asked, testing::ValuesIn(kWays), name_of);

class ClientAddress : public Edge {
protected:
    ClientAddress() : Edge("  clientAddress: [192.0.2.2, \"2001:db8:ffff::2\"]\n") {}
};

TEST_P(ClientAddress, IsWhatBothEndsSee) {
    const auto outcome = from_app(to(first()));
    expect_proxied(outcome, first());
    EXPECT_EQ(outcome.local.rfind(own_ip() + ":", 0), 0u) << to_text(outcome);
    EXPECT_NE(outcome.line.find(" peer " + outcome.local + " "), std::string::npos)
        << "accept() must name the client's address with its true port: " << to_text(outcome);
    EXPECT_EQ(proxy_.counts().peers.begin()->first, v6() ? kClientV6 : kClientV4);
    expect_direct(from_app(to(excluded())), excluded(), own_ip());
    // Loopback connections that shunt has nothing to do with keep their addresses.
    const auto local = from_app(to(loopback_ip() + ":80"));
    EXPECT_EQ(local.local.rfind(loopback_ip() + ":", 0), 0u) << to_text(local);
}

INSTANTIATE_TEST_SUITE_P(Ways, ClientAddress, testing::ValuesIn(kWays), name_of);

}  // namespace
}  // namespace shunt::harness
