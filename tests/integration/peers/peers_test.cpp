// SPDX-License-Identifier: Apache-2.0
// Unmodified Envoy, HAProxy and Squid are given their connections with the original destination, in both lanes.
//
// A connection is "direct" where the server's peer port is the client's own; through a proxy it is the proxy's. What
// the proxy was told stands in its own access log.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "harness/shunt.h"
#include "real_proxy.h"
#include "web.h"

namespace shunt::peers {
namespace {

using harness::RunningShunt;
using harness::Sandbox;

struct Case {
    std::string name;
    Kind kind;
    bool dual;    // one [::]:15001 socket for both families
    bool record;  // lane: record
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::string config(const Case& c, const std::string& more = {}) {
    return std::string("proxy:\n  listen: ") + (c.dual ? "[0.0.0.0:15001, \"[::]:15001\"]" : "0.0.0.0:15001") +
           "\n  identity: { cgroup: /mesh/proxy }\n  lane: " + (c.record ? "record" : "auto") +
           "\ncapture:\n  cgroups: [/mesh]\n" + more;
}

Fetched fetch_one(const Sandbox& sandbox, const std::string& destination) {
    const auto all = fetch(sandbox, "http://" + destination + "/");
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Fetched{} : all.front();
}

// A v4-mapped destination is reached, and logged, as the IPv4 address it means.
std::string plain(const std::string& destination) {
    const std::string prefix = "[::ffff:";
    if (destination.rfind(prefix, 0) != 0) return destination;
    const auto close = destination.find(']');
    return destination.substr(prefix.size(), close - prefix.size()) + destination.substr(close + 1);
}

constexpr char kV4[] = "198.51.100.10:8080";
constexpr char kV4Listener[] = "203.0.113.20:9080";
constexpr char kMapped[] = "[::ffff:198.51.100.11]:8080";
constexpr char kMappedListener[] = "[::ffff:203.0.113.21]:9080";
constexpr char kV6[] = "[2001:db8:7::10]:8080";
constexpr char kV6Listener[] = "[2001:db8:7::20]:9080";

class RealProxies : public testing::TestWithParam<Case> {
protected:
    void expect_direct(const std::string& destination) {
        const auto fetched = fetch_one(sandbox_, destination);
        EXPECT_TRUE(fetched.direct()) << destination << ": " << fetched.body << "; client port " << fetched.client_port;
        EXPECT_EQ(fetched.reached, plain(destination));
    }

    // `listener`: Envoy's own listener that must answer instead of the server; empty: the server is reached.
    void expect_through(const RealProxy& proxy, const std::string& destination, const std::string& listener = {}) {
        const auto before = proxy.seen().size();
        const auto fetched = fetch_one(sandbox_, destination);
        const auto seen = proxy.seen(before + 1);
        ASSERT_EQ(seen.size(), before + 1) << destination << " is missing in the proxy's log\n" << proxy.output();
        EXPECT_EQ(seen.back().destination, plain(destination));
        EXPECT_EQ(fetched.client_peer, destination) << "the client's getpeername";
        if (listener.empty()) {
            EXPECT_EQ(fetched.reached, plain(destination));
        } else {
            EXPECT_EQ(fetched.body, "Envoy, listener " + listener);
            EXPECT_EQ(seen.back().listener, listener);
        }
    }

    Sandbox sandbox_;
};

TEST_P(RealProxies, AreToldTheOriginalDestination) {
    const auto& c = GetParam();
    const WebServer web(sandbox_, 8080), reviews(sandbox_, 9080);
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    const std::string own_listener = c.kind == Kind::kEnvoy ? "0.0.0.0_9080" : "";

    // First without shunt, so that the rest proves something.
    for (const auto* destination : {kV4, kV4Listener, kMapped, kV6}) expect_direct(destination);
    ASSERT_TRUE(proxy.seen().empty()) << proxy.output();

    RunningShunt shunt(sandbox_, config(c));
    const auto before = shunt.counters();
    expect_through(proxy, kV4);
    expect_through(proxy, kV4Listener, own_listener);
    expect_through(proxy, kMapped);
    expect_through(proxy, kMappedListener, own_listener);
    if (c.dual) {
        expect_through(proxy, kV6);
        expect_through(proxy, kV6Listener, own_listener);
    } else {
        expect_direct(kV6);  // ipv6: auto, and no IPv6 listener
    }

    // The lane asked for is the lane taken; nothing was counted twice or not at all.
    const auto counted = shunt.counters().since(before);
    EXPECT_EQ(counted.sum_of_reasons(), counted.runs);
    std::map<std::string, std::uint64_t> lanes{{c.record ? "record_setting" : "address", 4}};
    if (c.dual) lanes["record_ipv6"] = 2;  // the only lane an IPv6 destination has
    EXPECT_EQ(counted.lanes, lanes) << harness::to_text(counted.lanes);

    shunt.uninstall();
    for (const auto* destination : {kV4, kV4Listener, kMapped, kV6}) expect_direct(destination);
    EXPECT_EQ(proxy.seen().size(), c.dual ? 6u : 4u);
}

TEST_P(RealProxies, TellTwoHundredDestinationsApart) {
    const auto& c = GetParam();
    const WebServer web(sandbox_, 8080);
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    RunningShunt shunt(sandbox_, config(c));
    const auto all = fetch(sandbox_, "http://198.51.100.[1-200]:8080/");
    ASSERT_EQ(all.size(), 200u);
    std::set<std::string> dialled;
    for (const auto& one : all) {
        EXPECT_EQ(one.reached, one.client_peer);
        dialled.insert(one.client_peer);
    }
    EXPECT_EQ(dialled.size(), 200u);
    std::set<std::string> logged;
    for (const auto& one : proxy.seen(200)) logged.insert(one.destination);
    EXPECT_EQ(logged, dialled);
}

TEST_P(RealProxies, SeeTheClientAddressGiven) {
    const auto& c = GetParam();
    const WebServer web(sandbox_, 8080);
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    RunningShunt shunt(sandbox_, config(c, std::string("  clientAddress: [") + harness::kClientV4 + "]\n"));
    const auto fetched = fetch_one(sandbox_, kV4);
    const auto seen = proxy.seen(1);
    ASSERT_EQ(seen.size(), 1u) << proxy.output();
    EXPECT_EQ(seen[0].destination, kV4);
    EXPECT_EQ(seen[0].source, std::string(harness::kClientV4) + ":" + fetched.client_port);
    EXPECT_EQ(fetched.client_local, harness::kClientV4);
}

// HAProxy 2.6 asks for the original destination of IPv4 sockets only, so it has no dual-stack case: a [::] socket of
// its own would be left with its own address (the configuration rejects that instead of calling itself).
INSTANTIATE_TEST_SUITE_P(
    Peers, RealProxies,
    testing::Values(Case{"EnvoyAuto", Kind::kEnvoy, false, false}, Case{"EnvoyRecord", Kind::kEnvoy, false, true},
                    Case{"EnvoyDualAuto", Kind::kEnvoy, true, false}, Case{"EnvoyDualRecord", Kind::kEnvoy, true, true},
                    Case{"HaproxyAuto", Kind::kHaproxy, false, false},
                    Case{"HaproxyRecord", Kind::kHaproxy, false, true}, Case{"SquidAuto", Kind::kSquid, false, false},
                    Case{"SquidRecord", Kind::kSquid, false, true}, Case{"SquidDualAuto", Kind::kSquid, true, false},
                    Case{"SquidDualRecord", Kind::kSquid, true, true}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace shunt::peers
