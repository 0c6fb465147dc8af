// SPDX-License-Identifier: Apache-2.0
#include "inspect/rows.h"

#include <gtest/gtest.h>

#include "inspect/filter.h"
#include "inspect_fixture.h"

namespace shunt::inspect {
namespace {

TEST(Rows, ListenersOfAConfiguration) {
    const auto rows = rows_of(mesh_of(kReviews)).listeners;
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[0].name, "db");
    EXPECT_EQ(rows[0].address, "10.96.7.7");
    EXPECT_EQ(rows[0].kernel, "balance");
    ASSERT_EQ(rows[0].clusters.size(), 2u);
    EXPECT_EQ(rows[0].clusters[1].weight, 90u);
    EXPECT_EQ(rows[1].route, "9080");
    EXPECT_EQ(rows[1].address, "0.0.0.0");
    EXPECT_EQ(rows[1].kernel, "redirect");
    EXPECT_TRUE(rows[2].unmatched);
    EXPECT_EQ(rows[2].port, 15001);
    EXPECT_EQ(rows[2].clusters.at(0).cluster, "PassthroughCluster");
}

TEST(Rows, ThePolicySaysWhatBecomesOfTheRest) {
    const auto kernel = [](const std::string& policy) {
        return rows_of(mesh_of("outboundTrafficPolicy: " + policy + "\n" + kReviews)).listeners.at(2);
    };
    EXPECT_EQ(kernel("{ mode: REGISTRY_ONLY }").kernel, "redirect");
    EXPECT_EQ(kernel("{ mode: REGISTRY_ONLY, enforcedBy: kernel }").kernel, "refuse");
    EXPECT_EQ(kernel("{ mode: REGISTRY_ONLY, enforcedBy: kernel }").clusters.at(0).cluster, "BlackHoleCluster");
    EXPECT_EQ(kernel("{ mode: ALLOW_ANY, enforcedBy: kernel }").kernel, "bypass");
}

TEST(Rows, PercentsAreOfTheTotalWeight) {
    const auto shares = shares_of({{"a", 1, {}}, {"b", 3, {}}, {"c", 0, {}}});
    EXPECT_DOUBLE_EQ(shares[0].percent, 25);
    EXPECT_DOUBLE_EQ(shares[1].percent, 75);
    EXPECT_DOUBLE_EQ(shares[2].percent, 0);
    EXPECT_DOUBLE_EQ(shares_of({{"a", 0, {}}})[0].percent, 0);
}

TEST(Rows, ClustersAndEndpointsWithTheirHealth) {
    const auto rows = rows_of(mesh_of(kReviews));
    ASSERT_EQ(rows.clusters.size(), 4u);
    const auto& a = rows.clusters[1];
    EXPECT_EQ(a.name, "a");
    EXPECT_EQ(a.healthy, 1u);
    EXPECT_EQ(a.endpoints, 2u);
    const auto& reviews = rows.clusters[3];
    EXPECT_EQ(reviews.fqdn, "reviews.default.svc.cluster.local");
    EXPECT_EQ(reviews.subset, "v1");
    EXPECT_EQ(reviews.port, 9080);
    EXPECT_EQ(reviews.direction, "outbound");
    EXPECT_EQ(rows.endpoints.size(), 5u);
}

// From tables: with names where they are known, with numbers where they are not; the same weights in both.
TEST(Rows, FromTablesWithAndWithoutNames) {
    const auto mesh = mesh_of(kReviews);
    const auto tables = policy::compile(mesh, policy::offline(mesh));
    const auto named = rows_of(tables, Names(mesh));
    ASSERT_EQ(named.listeners.size(), 3u);
    EXPECT_EQ(named.listeners[0].name, "db");
    ASSERT_EQ(named.listeners[0].clusters.size(), 2u);
    EXPECT_EQ(named.listeners[0].clusters[0].cluster, "a");
    EXPECT_EQ(named.listeners[0].clusters[1].weight, 90u);
    EXPECT_DOUBLE_EQ(named.listeners[0].clusters[1].percent, 90);
    EXPECT_TRUE(named.listeners[1].route.empty()) << "the kernel knows no routes";
    EXPECT_TRUE(named.routes.empty());
    ASSERT_EQ(named.clusters.size(), 3u) << "no healthy endpoint, no entry";
    ASSERT_EQ(named.endpoints.size(), 4u);
    EXPECT_EQ(named.endpoints[0].cluster, "a");
    EXPECT_EQ(named.endpoints[0].weight, 3u);
    EXPECT_EQ(named.endpoints[1].weight, 4u);

    const auto bare = rows_of(tables, Names());
    EXPECT_TRUE(bare.listeners[0].name.starts_with("0x")) << bare.listeners[0].name;
    EXPECT_TRUE(bare.listeners[0].clusters[0].cluster.starts_with("0x"));
    EXPECT_EQ(bare.endpoints.size(), 4u);
}

TEST(Rows, ListenersOfScopesBearTheirScope) {
    const auto rows =
        rows_of(mesh_of(kReviews + "scopes:\n"
                                   "  - { name: pod, cgroups: [/mesh/pod], listeners: [{ name: own, port: 7, "
                                   "cluster: a }] }\n"))
            .listeners;
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[3].scope, "pod");
    EXPECT_EQ(rows[3].name, "own");
    EXPECT_EQ(rows[3].clusters.at(0).cluster, "a");
}

TEST(Filter, NarrowsWhatItAppliesTo) {
    const auto all = rows_of(mesh_of(kReviews));
    const auto narrowed = [&](const Filter& filter) {
        auto rows = all;
        apply(filter, rows);
        return rows;
    };
    EXPECT_EQ(narrowed({.port = 3306}).listeners.size(), 1u);
    EXPECT_EQ(narrowed({.port = 9080}).clusters.size(), 1u);
    EXPECT_EQ(narrowed({.port = 9080}).endpoints.size(), 1u);
    EXPECT_EQ(narrowed({.address = "10.96.7.7"}).listeners.size(), 1u);
    EXPECT_EQ(narrowed({.address = "2001:db8::1"}).endpoints.size(), 1u);
    EXPECT_EQ(narrowed({.name = "web"}).listeners.size(), 1u);
    EXPECT_EQ(narrowed({.name = "9080"}).routes.size(), 1u);
    EXPECT_EQ(narrowed({.name = "web"}).routes.size(), 0u);
    EXPECT_EQ(narrowed({.fqdn = "REVIEWS.default.svc.cluster.local"}).clusters.size(), 1u);
    EXPECT_EQ(narrowed({.direction = "Outbound"}).clusters.size(), 1u);
    EXPECT_EQ(narrowed({.subset = "v2"}).clusters.size(), 0u);
    EXPECT_EQ(narrowed({.cluster = "a"}).endpoints.size(), 2u);
    EXPECT_EQ(narrowed({.status = "draining"}).endpoints.size(), 1u);
    EXPECT_EQ(narrowed({}).endpoints.size(), 5u);
}

}  // namespace
}  // namespace shunt::inspect
