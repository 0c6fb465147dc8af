// SPDX-License-Identifier: Apache-2.0
// Unmodified Envoy, HAProxy and Squid are given their connections with the original destination, in both lanes.
//
// A connection is "direct" where the server's peer port is the client's own; through a proxy it is the proxy's. What
// the proxy was told stands in its own access log.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
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

// One for all tests of a process. With ctest that is one test; in a guest of vmtest, where starting Python and shunt
// takes seconds of an emulated processor, it is all of them, one reload after the other.
struct World {
    const Sandbox sandbox;
    const WebServer web{sandbox, 8080}, reviews{sandbox, 9080};
    std::unique_ptr<RunningShunt> shunt;
    std::string config;
};

class RealProxies : public testing::TestWithParam<Case> {
protected:
    static void TearDownTestSuite() { world_.reset(); }

    static World& world() {
        if (!world_) world_ = std::make_unique<World>();
        return *world_;
    }

    static RunningShunt& run_shunt(const std::string& config) {
        auto& [sandbox, web, reviews, shunt, in_force] = world();
        if (!shunt) {
            shunt = std::make_unique<RunningShunt>(sandbox, config);
        } else if (config != in_force) {
            shunt->reload(config);
        }
        in_force = config;
        return *shunt;
    }

    static std::vector<Fetched> fetch_all(const harness::Placement& place,
                                          const std::vector<std::string>& destinations) {
        std::vector<std::string> urls;
        for (const auto& destination : destinations) urls.push_back("http://" + destination + "/");
        const auto all = fetch(place, urls);
        if (all.size() != urls.size()) throw std::runtime_error("curl: " + std::to_string(all.size()) + " answers");
        return all;
    }

    static void expect_direct(const harness::Placement& place, const std::vector<std::string>& destinations) {
        const auto all = fetch_all(place, destinations);
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_TRUE(all[i].direct()) << destinations[i] << ": " << all[i].body << "; port " << all[i].client_port;
            EXPECT_EQ(all[i].reached, plain(destinations[i]));
        }
    }

    struct Expected {
        std::string destination, listener;  // Envoy's own listener that must answer; empty: the server is reached
    };
    void expect_through(const RealProxy& proxy, const std::vector<Expected>& expected) const {
        const auto before = proxy.seen().size();
        std::vector<std::string> destinations;
        for (const auto& one : expected) destinations.push_back(one.destination);
        const auto all = fetch_all(sandbox_.app(), destinations);
        auto seen = proxy.seen(before + expected.size());
        ASSERT_EQ(seen.size(), before + expected.size()) << "missing in the proxy's log\n" << proxy.output();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto& [destination, listener] = expected[i];
            const auto line = std::find_if(seen.begin() + static_cast<std::ptrdiff_t>(before), seen.end(),
                                           [&](const Seen& s) { return s.destination == plain(destination); });
            ASSERT_NE(line, seen.end()) << destination << " is not in the proxy's log\n" << proxy.output();
            EXPECT_EQ(all[i].client_peer, destination) << "the client's getpeername";
            if (listener.empty()) {
                EXPECT_EQ(all[i].reached, plain(destination));
            } else {
                EXPECT_EQ(all[i].body, "Envoy, listener " + listener);
                EXPECT_EQ(line->listener, listener);
            }
        }
    }

    const Sandbox& sandbox_ = world().sandbox;

private:
    static inline std::unique_ptr<World> world_;
};

TEST_P(RealProxies, AreToldTheOriginalDestination) {
    const auto& c = GetParam();
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    const std::string own_listener = c.kind == Kind::kEnvoy ? "0.0.0.0_9080" : "";

    // First what shunt has no hand in, so that the rest proves something.
    expect_direct(sandbox_.client_side(), {kV4, kV4Listener, kMapped, kV6});
    ASSERT_TRUE(proxy.seen().empty()) << proxy.output();

    const auto& shunt = run_shunt(config(c));
    const auto before = shunt.counters();
    std::vector<Expected> expected{
        {kV4, ""}, {kV4Listener, own_listener}, {kMapped, ""}, {kMappedListener, own_listener}};
    if (c.dual) expected.insert(expected.end(), {{kV6, ""}, {kV6Listener, own_listener}});
    expect_through(proxy, expected);
    if (!c.dual) expect_direct(sandbox_.app(), {kV6});  // ipv6: auto, and no IPv6 listener

    // The lane asked for is the lane taken; nothing was counted twice or not at all.
    const auto counted = shunt.counters().since(before);
    EXPECT_EQ(counted.sum_of_reasons(), counted.runs);
    std::map<std::string, std::uint64_t> lanes{{c.record ? "record_setting" : "address", 4}};
    if (c.dual) lanes["record_ipv6"] = 2;  // the only lane an IPv6 destination has
    EXPECT_EQ(counted.lanes, lanes) << harness::to_text(counted.lanes);
    EXPECT_EQ(proxy.seen().size(), expected.size());
}

TEST_P(RealProxies, TellTwoHundredDestinationsApart) {
    const auto& c = GetParam();
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    run_shunt(config(c));
    const auto all = fetch(sandbox_.app(), {"http://198.51.100.[1-200]:8080/"});
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
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    run_shunt(config(c, std::string("  clientAddress: [") + harness::kClientV4 + "]\n"));
    const auto fetched = fetch_all(sandbox_.app(), {kV4}).front();
    const auto seen = proxy.seen(1);
    ASSERT_EQ(seen.size(), 1u) << proxy.output();
    EXPECT_EQ(seen[0].destination, kV4);
    EXPECT_EQ(seen[0].source, std::string(harness::kClientV4) + ":" + fetched.client_port);
    EXPECT_EQ(fetched.client_local, harness::kClientV4);
}

class Uninstall : public RealProxies {};

TEST_P(Uninstall, MakesEverythingDirectAgain) {
    const auto& c = GetParam();
    const RealProxy proxy(sandbox_, c.kind, c.dual);
    run_shunt(config(c));
    expect_through(proxy, {{kV4, ""}});
    world().shunt->uninstall();
    world().shunt.reset();
    expect_direct(sandbox_.app(), {kV4, kV4Listener, kMapped, kV6});
    EXPECT_EQ(proxy.seen().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Peers, Uninstall,
                         testing::Values(Case{"HaproxyAuto", Kind::kHaproxy, false, false},
                                         Case{"EnvoyRecord", Kind::kEnvoy, false, true}),
                         [](const auto& test) { return test.param.name; });

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
