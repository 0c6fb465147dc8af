// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <set>

#include "config/loader.h"
#include "policy/balancing.h"
#include "policy/explain.h"

namespace shunt::policy {
namespace {

model::Mesh mesh_of(const std::string& rest) {
    const auto loaded = config::load_text(
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\ncapture: { cgroups: [/mesh] }\n" + rest,
        "test.yaml");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return loaded->mesh;
}

const std::string kClusters =
    "clusters:\n"
    "  - name: a\n"
    "    endpoints:\n"
    "      - { address: 10.0.0.1:80, weight: 3 }\n"
    "      - { address: 10.0.0.2:80, health: DRAINING }\n"
    "      - { address: \"[2001:db8::1]:80\" }\n"
    "      - { address: 10.0.0.3:80, weight: 4 }\n"
    "  - { name: b, endpoints: [{ address: 10.0.0.9:80, health: UNHEALTHY }] }\n";

TEST(Balancing, EndpointsHoldCumulativeWeightsOfTheHealthyOnes) {
    const auto mesh = mesh_of(kClusters);
    const auto tables = compile(mesh, {});
    const auto id = cluster_ids(mesh).of("a");
    ASSERT_TRUE(tables.clusters.contains({id, 4}));
    EXPECT_EQ(tables.clusters.at({id, 4}).endpoints, 2u);
    EXPECT_EQ(tables.clusters.at({id, 4}).total_weight, 7u);
    EXPECT_EQ(tables.endpoints.at({id, 4, 0}).upto, 3u);
    EXPECT_EQ(tables.endpoints.at({id, 4, 1}).upto, 7u);
    EXPECT_EQ(base::Address::from_abi(tables.endpoints.at({id, 4, 1}).addr), base::Address::v4(0x0a000003));
    EXPECT_EQ(tables.clusters.at({id, 6}).endpoints, 1u);
    EXPECT_EQ(tables.clusters.size(), 2u) << "b has nobody";
    EXPECT_EQ(tables.endpoints.size(), 3u);
}

TEST(Balancing, OnlyDirectListenersNameClusters) {
    const auto mesh = mesh_of(kClusters +
                              "  - { name: c }\n"
                              "listeners:\n"
                              "  - { name: x, port: 80, cluster: a }\n"
                              "  - { name: y, port: 81, cluster: a, direct: true }\n"
                              "  - { name: z, port: 82, direct: true, weightedClusters: [{ name: c, weight: 0 }, "
                              "{ name: b, weight: 5 }, { name: a, weight: 6 }] }\n");
    const auto tables = compile(mesh, {});
    const auto clusters = cluster_ids(mesh);
    const auto at = [&](std::uint16_t port) {
        shunt_listener_key key{};
        key.port_be = htons(port);
        return tables.listeners.at(key);
    };
    EXPECT_EQ(at(80).flags, 0u);
    EXPECT_EQ(at(80).cluster, 0u);
    EXPECT_EQ(at(81).flags, SHUNT_LISTENER_DIRECT);
    EXPECT_EQ(at(81).cluster, clusters.of("a"));
    EXPECT_EQ(at(82).splits, 2u) << "weight 0 gets nothing";
    EXPECT_EQ(at(82).total_weight, 11u);
    EXPECT_EQ(tables.splits.at({at(82).id, 0}).upto, 5u);
    EXPECT_EQ(tables.splits.at({at(82).id, 1}).upto, 11u);
    EXPECT_EQ(tables.splits.at({at(82).id, 1}).cluster, clusters.of("a"));
}

TEST(Balancing, ANameKeepsItsNumber) {
    const Ids few({"a", "m", "z"});
    std::vector<std::string> names;
    for (int i = 0; i < 200000; ++i) names.push_back("outbound|80||svc-" + std::to_string(i) + ".ns.svc.cluster.local");
    names.insert(names.end(), {"a", "m", "z"});
    const Ids many(names);
    for (const auto* name : {"a", "m", "z"}) EXPECT_EQ(few.of(name), many.of(name));
    std::set<std::uint32_t> distinct;
    for (const auto& name : names) distinct.insert(many.of(name));
    EXPECT_EQ(distinct.size(), names.size()) << "also where hashes collide, as they do among so many";
    EXPECT_EQ(many.of("unknown"), 0u);
    EXPECT_FALSE(distinct.contains(0));
}

Answer explained(const std::string& rest, const char* destination) {
    const auto mesh = mesh_of(rest);
    Flow flow;
    flow.destination = *base::parse_socket_address(destination);
    return explain(compile(mesh, {}), mesh, flow);
}

TEST(Balancing, ExplainSaysBalance) {
    const auto listener = kClusters + "listeners: [{ name: y, port: 81, cluster: a, direct: true }]\n";
    const auto answer = explained(listener, "10.96.7.7:81");
    EXPECT_EQ(answer.verdict, SHUNT_VERDICT_BALANCE);
    EXPECT_EQ(answer.reason, SHUNT_REASON_DIRECT);
    EXPECT_EQ(answer.listener, 0u);
    EXPECT_FALSE(answer.to) << "chosen at each connect()";
    EXPECT_EQ(answer.rule.path, "listeners[0]");
}

TEST(Balancing, ExplainSaysThatNobodyIsLeft) {
    const auto listener = kClusters + "listeners: [{ name: y, port: 81, cluster: b, direct: true }]\n";
    EXPECT_EQ(explained(listener, "10.96.7.7:81").reason, SHUNT_REASON_NO_ENDPOINT_REFUSE);
    EXPECT_EQ(explained(listener, "10.96.7.7:82").reason, SHUNT_REASON_UNMATCHED);
}

TEST(Balancing, EmptyClusterIsRefusedWhereAsked) {
    const auto listener =
        kClusters + "listeners: [{ name: y, port: 81, cluster: b }, { name: x, port: 80, cluster: a }]\n";
    EXPECT_EQ(explained(listener, "10.96.7.7:81").reason, SHUNT_REASON_PORT_LISTENER);
    const auto refusing = listener + "outboundTrafficPolicy: { emptyCluster: refuse }\n";
    EXPECT_EQ(explained(refusing, "10.96.7.7:81").reason, SHUNT_REASON_BLACK_HOLE_CLUSTER);
    EXPECT_EQ(explained(refusing, "10.96.7.7:80").reason, SHUNT_REASON_PORT_LISTENER);
}

}  // namespace
}  // namespace shunt::policy
