// SPDX-License-Identifier: Apache-2.0
// Sockets that the application bound, restricted or aimed oddly before connect().
#include "edge_fixture.h"
#include "lib/lane.h"

namespace shunt::harness {
namespace {

class Bind : public Edge {};

TEST_P(Bind, NonblockingConnect) {
    auto what = to(first());
    what.nonblocking = true;
    expect_proxied(from_app(what), first());
    what.destination = excluded();
    expect_direct(from_app(what), excluded(), own_ip());
}

TEST_P(Bind, OwnAddressIsKeptAsTheSource) {
    for (const bool early_port : {false, true}) {
        auto what = to(first());
        what.source = own_ip() + ":0";
        what.early_port = early_port;
        const auto outcome = from_app(what);
        expect_proxied(outcome, first());
        EXPECT_NE(outcome.line.find(" peer " + own_ip() + ":"), std::string::npos) << to_text(outcome);
        EXPECT_EQ(outcome.local.rfind(own_ip() + ":", 0), 0u) << to_text(outcome);
    }
}

// Such a socket cannot be bound on trial: the programs read the addresses of the namespace's devices (bpf/lib/own.h).
TEST_P(Bind, OwnAddressesOfASocketWithAPort) {
    const auto own = [this](int n) { return (v6() ? "2001:db8:5::1" : "203.0.113.1") + std::to_string(n); };
    std::string add, remove;
    for (int n = 10; n < 50; ++n) {
        const auto address = own(n) + (v6() ? "/128 dev lo" : "/32 dev lo");
        add += "address add " + address + (v6() ? " nodad\n" : "\n");
        remove += "address del " + address + "\n";
    }
    run_command(sandbox_.client_side(), {"ip", "-batch", "-"}, add);
    const auto dial = [&](int n) {
        auto what = to((v6() ? "[" + own(n) + "]" : own(n)) + ":80");
        what.source = any_ip() + ":0";
        what.early_port = true;
        return from_app(what);
    };
    for (const int n : {10, 30, 49}) {
        const auto outcome = dial(n);
        EXPECT_EQ(outcome.line.rfind("local ", 0), 0u) << own(n) << ": " << to_text(outcome);
    }
    const auto not_own = dial(50);
    EXPECT_EQ(not_own.line.rfind("proxy ", 0), 0u) << to_text(not_own);
    run_command(sandbox_.client_side(), {"ip", "-batch", "-"}, remove);
}

// Both connections live at the same time, from one source port.
TEST_P(Bind, OneSourcePortTwoDestinations) {
    for (const auto& source : {any_ip() + ":4321", own_ip() + ":4322"}) {
        SCOPED_TRACE(source);
        const auto text = run_in(sandbox_.app(), [&] {
            auto one = to(first()), two = to(second());
            one.source = two.source = source;
            const Fd a(check(open_socket(one), "socket")), b(check(open_socket(two), "socket"));
            const int error_a = connect_socket(a.get(), one);
            const int error_b = connect_socket(b.get(), two);
            // v6 has no 127/8 to spread over: the tuple is taken, and connect() says so as it would for one
            // destination.
            const auto from_a = talk(a.get(), one, error_a), from_b = talk(b.get(), two, error_b);
            return from_a.line.substr(0, from_a.line.find(" peer")) + "|" + from_a.peer + "|" +
                   (error_b != 0 ? error_name(error_b)
                                 : from_b.line.substr(0, from_b.line.find(" peer")) + "|" + from_b.peer);
        });
        const auto right = "proxy " + first() + "|" + first() + "|proxy " + second() + "|" + second();
        if (v6()) {
            EXPECT_TRUE(text == right || text == "proxy " + first() + "|" + first() + "|EADDRNOTAVAIL") << text;
        } else {
            EXPECT_EQ(text, right);
        }
    }
}

TEST_P(Bind, ToADevice) {
    auto what = to(first());
    what.device = "eth0";
    const auto start = std::chrono::steady_clock::now();
    // A kernel that cannot be told the errno says EPERM: lo, where a closed port would answer, is out of reach.
    const auto refused = from_app(what).error;
    EXPECT_TRUE(refused == ECONNREFUSED || refused == EPERM) << refused;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500))
        << "refused, never left to hang";
    what.destination = excluded();
    expect_direct(from_app(what), excluded(), own_ip());
    what.destination = first();
    what.device = "lo";
    expect_proxied(from_app(what), first());
}

TEST_P(Bind, KernelsOwnAnswersStay) {
    const std::vector<std::string> destinations =
        v6() ? std::vector<std::string>{"[::]:80",
                                        "[::]:81",
                                        "[::1]:80",
                                        "[::1]:81",
                                        "[2001:db8:9::9]:0",
                                        "[ff02::1%eth0]:80",
                                        "[2001:db8:ffff::2]:80",
                                        "[2001:db8:ffff::2]:81"}
             : std::vector<std::string>{"0.0.0.0:80",   "0.0.0.0:81",   "127.0.0.1:80",       "127.0.0.1:81",
                                        "10.9.9.9:0",   "224.0.0.1:80", "255.255.255.255:80", "192.0.2.3:80",
                                        "192.0.2.2:80", "192.0.2.2:81"};
    for (const auto& destination : destinations) {
        const auto on = from_app(to(destination)), off = uncovered(to(destination));
        EXPECT_EQ(on.error, off.error) << destination << ": " << to_text(on) << ", without shunt " << to_text(off);
        EXPECT_EQ(on.line.substr(0, on.line.find(" from")), off.line.substr(0, off.line.find(" from"))) << destination;
        EXPECT_EQ(on.peer, off.peer) << destination;
    }
}

TEST_P(Bind, WrongFamily) {
    // Each a pair of (socket family, what connect() is given); as the uncovered process gets it, so must the covered.
    const auto attempts = [this](const Placement& place) {
        return run_in(place, [&] {
            std::string answers;
            for (const int socket_family : {AF_INET, AF_INET6}) {
                for (const int address_family : {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, 77}) {
                    for (const socklen_t length : {2u, 8u, 15u, 16u, 24u, 28u}) {
                        if (socket_family == address_family && length >= (socket_family == AF_INET ? 16u : 24u)) {
                            continue;  // right
                        }
                        const Fd fd(check(socket(socket_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
                        auto address = parse(v6() ? "[2001:db8:9::9]:80" : "10.9.9.9:80");
                        address.storage.ss_family = static_cast<sa_family_t>(address_family);
                        answers += "socket " + std::to_string(socket_family) + " address " +
                                   std::to_string(address_family) + " length " + std::to_string(length) + ": " +
                                   error_name(connect(fd.get(), address.get(), length) == 0 ? 0 : errno) + "\n";
                    }
                }
            }
            return answers;
        });
    };
    EXPECT_EQ(attempts(sandbox_.app()), attempts(sandbox_.client_side()));
}

TEST_P(Bind, FreebindOpensNoWayOut) {
    auto what = to(first());
    what.freebind = true;
    expect_proxied(from_app(what), first());
    what.destination = excluded();
    expect_direct(from_app(what), excluded(), own_ip());
    // With IP_FREEBIND nothing can be learnt from bind(): an own address is then captured like any other.
    what.destination = own_ip() + ":80";
    const auto own = from_app(what);
    if (own.line.rfind("local ", 0) != 0) expect_proxied(own, what.destination);
    what.destination = loopback_ip() + ":80";
    EXPECT_EQ(from_app(what).line.rfind("local ", 0), 0u);
}

TEST_P(Bind, V6OnlySocketsDialNoV4) {
    auto what = to(first());
    what.v6only = family() != Family::kV4;
    const auto on = from_app(what), off = uncovered(what);
    if (family() == Family::kMapped) {
        EXPECT_EQ(on.error, off.error) << to_text(on);
        EXPECT_NE(on.error, 0);
    } else {
        expect_proxied(on, first());
    }
}

TEST_P(Bind, NobodyForgesADestination) {
    if (v6()) return expect_proxied(from_app(to(first())), first());  // v6 has no encoded addresses
    for (const auto* source : {"127.10.1.2:0", "127.10.1.2:4444"}) {
        auto forged = to("127.3.0.80:15001");  // the address lane's form of 10.1.2.3:80
        forged.source = source;
        for (const int options : {0, 1, 2, 3}) {
            forged.freebind = (options & 1) != 0;
            forged.early_port = (options & 2) != 0;
            EXPECT_EQ(from_app(forged).error, ECONNREFUSED) << source << " options " << options;
        }
    }
    // A socket that was redirected once keeps a source of ours; it may not be turned into a forgery afterwards.
    const auto text = run_in(sandbox_.app(), [&] {
        Script script(to(first()));
        script.step(first());
        script.disconnect();
        script.add(error_name(script.connect_to("127.3.0.80:15001")));
        script.disconnect();
        script.step("127.0.0.1:15001");
        return script.text();
    });
    // Where NAT rules are in force, conntrack answers for the last one; its own answer leaves the length as it was.
    for (const auto& entry : proxy_.counts().destinations) {
        EXPECT_TRUE(entry.first == first() || entry.first == "-" || entry.first == "length:128") << entry.first << "\n"
                                                                                                 << text;
    }
    // The token of a destination that somebody with a bound source dialled is no secret either.
    auto bound = to(second());
    bound.source = "0.0.0.0:4445";
    expect_proxied(from_app(bound), second());
    if (GetParam().lane != "auto") return;
    const auto counts = proxy_.counts().destinations;
    for (unsigned probe = 0; probe < SHUNT_TOKEN_PROBES; ++probe) {
        const auto token = shunt_token(0xcb007105u, 9080, probe);  // 203.0.113.5
        const auto dotted = "127." + std::to_string(token >> 16 & 255) + "." + std::to_string(token >> 8 & 255) + "." +
                            std::to_string(token & 255);
        const auto outcome = from_app(to(dotted + ":15001"));
        EXPECT_EQ(outcome.line.find("203.0.113.5"), std::string::npos) << to_text(outcome);
    }
    EXPECT_EQ(proxy_.counts().destinations.at(second()), counts.at(second()));
}

INSTANTIATE_TEST_SUITE_P(Ways, Bind, testing::ValuesIn(kWays), name_of);

}  // namespace
}  // namespace shunt::harness
