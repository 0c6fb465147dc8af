// SPDX-License-Identifier: Apache-2.0
// direct: true: the kernel dials an endpoint of the listener's cluster, by weight, without the proxy.
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <sstream>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

using Shares = std::map<std::string, double>;        // endpoint -> expected share
using Tally = std::map<std::string, std::uint64_t>;  // endpoint -> connections

std::string config(const std::string& listener, const std::string& clusters, const std::string& proxy_more = {}) {
    return "proxy:\n"
           "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
           "  identity: { cgroup: /mesh/proxy }\n" +
           proxy_more +
           "capture:\n"
           "  cgroups: [/mesh]\n"
           "listeners:\n"
           "  - { name: db, port: 3306, direct: true, " +
           listener + " }\nclusters:\n" + clusters;
}

const std::string kMysql =
    "  - name: mysql\n"
    "    endpoints:\n"
    "      - { address: 10.0.3.40:8080, weight: 1 }\n"
    "      - { address: 10.0.3.41:8080, weight: 99 }\n"
    "      - { address: 10.0.3.42:8080, weight: 50, health: UNHEALTHY }\n"
    "      - { address: 10.0.3.43:8080, weight: 50, health: DRAINING }\n"
    "      - { address: \"[2001:db8:3::40]:8080\", weight: 3 }\n"
    "      - { address: \"[2001:db8:3::41]:8080\", weight: 1 }\n";

std::string cluster(const std::string& name, const std::string& endpoints) {
    return "  - { name: " + name + ", endpoints: [" + endpoints + "] }\n";
}

// Endpoint that answered: the word after "direct".
std::string endpoint_of(const std::string& line) {
    std::istringstream words(line);
    std::string who;
    std::string endpoint;
    words >> who >> endpoint;
    return who == "direct" ? endpoint : line;
}

class Balance : public testing::Test {
protected:
    Balance() : server_(sandbox_, {80, 3306, 8080}), proxy_(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}}) {}

    // `count` connections from one process; closed by RST, so that no port waits.
    Tally connect_many(const std::string& destination, Family family, std::uint64_t count) const {
        const auto text = run_in(sandbox_.app(), [&] {
            Tally tally;
            for (std::uint64_t i = 0; i < count; ++i) {
                const Dial dial{.destination = destination, .family = family};
                const Fd fd(check(open_socket(dial), "socket"));
                const linger reset{1, 0};
                check(setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
                const auto outcome = talk(fd.get(), dial, connect_socket(fd.get(), dial));
                const bool told = outcome.error == 0 && outcome.peer == destination;
                ++tally[told ? endpoint_of(outcome.line) : to_text(outcome)];
            }
            std::string lines;
            for (const auto& [endpoint, n] : tally) lines += endpoint + "=" + std::to_string(n) + "\n";
            return lines;
        });
        Tally tally;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            const auto at = line.rfind('=');
            tally[line.substr(0, at)] = std::stoull(line.substr(at + 1));
        }
        return tally;
    }

    // Chi-square at a level of one false alarm in a million for up to three degrees of freedom (30.7 for three).
    static void expect_shares(const Tally& tally, const Shares& shares) {
        std::uint64_t total = 0;
        for (const auto& [endpoint, n] : tally) {
            EXPECT_TRUE(shares.contains(endpoint)) << endpoint << " answered " << n << " times";
            total += n;
        }
        double chi_square = 0;
        for (const auto& [endpoint, share] : shares) {
            const double expected = share * static_cast<double>(total);
            const auto found = tally.find(endpoint);
            const double seen = found == tally.end() ? 0 : static_cast<double>(found->second);
            chi_square += (seen - expected) * (seen - expected) / expected;
            testing::Test::RecordProperty("share_" + endpoint, std::to_string(seen / static_cast<double>(total)));
        }
        EXPECT_LT(chi_square, 30.7);
    }

    std::uint64_t seen_by_proxy() const { return proxy_.counts().accepted; }

    const Sandbox sandbox_;
    const DirectServer server_;
    const ProbeProxy proxy_;
};

TEST_F(Balance, WeightedClustersAtTenFortyFifty) {
    const RunningShunt shunt(
        sandbox_,
        config("weightedClusters: [{ name: v1, weight: 10 }, { name: v2, weight: 40 }, { name: v3, weight: 50 }]",
               cluster("v1", "{ address: 10.0.3.1:8080 }") + cluster("v2", "{ address: 10.0.3.2:8080 }") +
                   cluster("v3", "{ address: 10.0.3.3:8080 }")));
    const auto count = scaled(100000, 2000);
    const auto tally = connect_many("10.96.7.7:3306", Family::kV4, count);
    expect_shares(tally, {{"10.0.3.1:8080", 0.1}, {"10.0.3.2:8080", 0.4}, {"10.0.3.3:8080", 0.5}});
    const auto counters = shunt.counters();
    EXPECT_EQ(counters.reasons.at("direct"), count) << to_text(counters.reasons);
    EXPECT_EQ(counters.events.at("peername"), count) << to_text(counters.events);
    EXPECT_EQ(seen_by_proxy(), 0u);
}

TEST_F(Balance, OneToNinetyNineAndOnlyHealthyOnes) {
    const RunningShunt shunt(sandbox_, config("cluster: mysql", kMysql));
    expect_shares(connect_many("10.96.7.7:3306", Family::kV4, scaled(100000, 2000)),
                  {{"10.0.3.40:8080", 0.01}, {"10.0.3.41:8080", 0.99}});
}

TEST_F(Balance, EachFamilyGetsItsOwnEndpoints) {
    const RunningShunt shunt(sandbox_, config("cluster: mysql", kMysql));
    expect_shares(connect_many("[2001:db8:77::7]:3306", Family::kV6, scaled(10000, 2000)),
                  {{"[2001:db8:3::40]:8080", 0.75}, {"[2001:db8:3::41]:8080", 0.25}});
    expect_shares(connect_many("10.96.7.7:3306", Family::kMapped, scaled(10000, 2000)),
                  {{"10.0.3.40:8080", 0.01}, {"10.0.3.41:8080", 0.99}});
}

// Neither total is a hundred, and the shares multiply: 1/4 and 3/4 of the clusters, 2/7 and 5/7 of the endpoints.
TEST_F(Balance, ClustersFirstThenEndpoints) {
    const RunningShunt shunt(
        sandbox_,
        config("weightedClusters: [{ name: a, weight: 1 }, { name: b, weight: 3 }], totalWeight: 4",
               cluster("a", "{ address: 10.0.3.1:8080 }") +
                   cluster("b", "{ address: 10.0.3.2:8080, weight: 2 }, { address: 10.0.3.3:8080, weight: 5 }")));
    expect_shares(connect_many("10.96.7.7:3306", Family::kV4, scaled(30000, 2000)),
                  {{"10.0.3.1:8080", 0.25}, {"10.0.3.2:8080", 0.75 * 2 / 7}, {"10.0.3.3:8080", 0.75 * 5 / 7}});
}

TEST_F(Balance, ManyEndpointsAreAllReached) {
    std::string endpoints;
    Shares shares;
    for (int i = 1; i <= 37; ++i) {
        endpoints += (i > 1 ? ", " : "") + ("{ address: 10.0.4." + std::to_string(i) + ":8080 }");
        shares["10.0.4." + std::to_string(i) + ":8080"] = 1.0 / 37;
    }
    const RunningShunt shunt(sandbox_, config("cluster: wide", cluster("wide", endpoints)));
    const auto tally = connect_many("10.96.7.7:3306", Family::kV4, scaled(3700, 1000));
    EXPECT_EQ(tally.size(), shares.size());
    for (const auto& [endpoint, n] : tally) EXPECT_TRUE(shares.contains(endpoint)) << endpoint << " " << n;
}

TEST_F(Balance, AReloadMovesTheShares) {
    RunningShunt shunt(sandbox_,
                       config("cluster: a", cluster("a", "{ address: 10.0.3.1:8080 }, { address: 10.0.3.2:8080 }")));
    expect_shares(connect_many("10.96.7.7:3306", Family::kV4, 2000), {{"10.0.3.1:8080", 0.5}, {"10.0.3.2:8080", 0.5}});
    shunt.reload(
        config("cluster: a", cluster("a", "{ address: 10.0.3.1:8080, health: DRAINING }, { address: 10.0.3.2:8080 }")));
    expect_shares(connect_many("10.96.7.7:3306", Family::kV4, 500), {{"10.0.3.2:8080", 1.0}});
}

TEST_F(Balance, WithoutEndpointsWhenDownDecides) {
    const std::string gone = cluster("gone", "{ address: 10.0.3.1:8080, health: UNHEALTHY }");
    RunningShunt shunt(sandbox_, config("cluster: gone", gone));
    EXPECT_EQ(dial(sandbox_.app(), {.destination = "10.96.7.7:3306"}).error, ECONNREFUSED);
    EXPECT_EQ(shunt.counters().reasons.at("no_endpoint_refuse"), 1u);
    shunt.reload(config("cluster: gone", gone, "  whenDown: bypass\n"));
    const auto outcome = dial(sandbox_.app(), {.destination = "10.96.7.7:3306"});
    EXPECT_EQ(outcome.line.rfind("direct 10.96.7.7:3306 from 192.0.2.2:", 0), 0u) << to_text(outcome);
    EXPECT_EQ(shunt.counters().reasons.at("no_endpoint_bypass"), 1u);
    EXPECT_EQ(seen_by_proxy(), 0u);
}

// The same listener without direct goes to the proxy; emptyCluster: refuse answers for it where nobody is left.
TEST_F(Balance, AnEmptyClusterIsRefusedWhereAsked) {
    const std::string gone = cluster("gone", "{ address: 10.0.3.1:8080, health: UNHEALTHY }");
    auto text = config("cluster: gone", gone);
    text.replace(text.find("direct: true, "), 14, "");
    RunningShunt shunt(sandbox_, text);
    EXPECT_EQ(dial(sandbox_.app(), {.destination = "10.96.7.7:3306"}).line.rfind("proxy 10.96.7.7:3306", 0), 0u);
    shunt.reload(text + "outboundTrafficPolicy: { emptyCluster: refuse }\n");
    EXPECT_EQ(dial(sandbox_.app(), {.destination = "10.96.7.7:3306"}).error, ECONNREFUSED);
    EXPECT_EQ(shunt.counters().reasons.at("black_hole_cluster"), 1u);
}

// A redirected connect that failed leaves a source of ours; the same socket must not dial an endpoint from 127.x.
TEST_F(Balance, AfterAFailedRedirectTheSourceIsTheNamespaces) {
    auto text = config("cluster: mysql", kMysql);
    text.replace(text.find("15001"), 5, "15099");  // nobody listens there
    const RunningShunt shunt(sandbox_, text);
    const auto line = run_in(sandbox_.app(), [] {
        Script script({.destination = "10.9.9.9:80"});
        script.step("10.9.9.9:80");
        script.step("10.96.7.7:3306");
        return script.text();
    });
    EXPECT_EQ(line.rfind("ECONNREFUSED\ndirect 10.0.3.4", 0), 0u) << line;
    EXPECT_NE(line.find(" from 192.0.2.2:"), std::string::npos) << line;
    EXPECT_NE(line.find("| 10.96.7.7:3306"), std::string::npos) << line;
}

}  // namespace
}  // namespace shunt::harness
