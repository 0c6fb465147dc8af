// SPDX-License-Identifier: Apache-2.0
// Several scopes in one set of tables.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "config/loader.h"
#include "policy/egress.h"
#include "policy/explain.h"

namespace shunt::policy {
namespace {

model::Mesh mesh_of(const std::string& scopes) {
    const auto loaded = config::load_text(
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\n"
        "capture: { cgroups: [/mesh], excludeOutboundPorts: [22, 23] }\n"
        "listeners: [{ name: x, port: 80, cluster: c }]\nclusters: [{ name: c }]\n" +
            scopes,
        "test.yaml");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return loaded->mesh;
}

TEST(PolicyScopes, WhatIsInheritedExistsOnce) {
    const auto mesh = mesh_of(
        "scopes: [{ cgroups: [/a] }, { cgroups: [/b], onInternalError: bypass }, "
        "{ cgroups: [/c], capture: { excludeOutboundPorts: [22, 23] } }]\n");
    const auto tables = compile(mesh, offline(mesh));
    EXPECT_EQ(tables.scopes.size(), 4u);
    EXPECT_EQ(tables.ports.size(), 2u);
    EXPECT_EQ(tables.listeners.size(), 1u);
    EXPECT_EQ(tables.owners.size(), 1u);
    for (const std::uint64_t id : {1, 2, 3}) {
        EXPECT_EQ(tables.scope(id).ports_set, 0u);
        EXPECT_TRUE(tables.scope(id).flags & SHUNT_SCOPE_PORTS);
        EXPECT_TRUE(tables.scope(id).flags & SHUNT_SCOPE_LISTENERS);
    }
    EXPECT_TRUE(tables.scope(2).flags & SHUNT_SCOPE_ERROR_BYPASS);
    EXPECT_FALSE(tables.base().flags & SHUNT_SCOPE_ERROR_BYPASS);
    EXPECT_EQ(tables.bank.levels, 1u << 1);
}

TEST(PolicyScopes, WhatDiffersHasASetOfItsOwn) {
    const auto mesh = mesh_of(
        "scopes: [{ name: a, cgroups: [/a], capture: { excludeOutboundPorts: [22] } }, "
        "{ name: b, cgroups: [/b], listeners: [{ name: x, port: 81, cluster: c }] }]\n");
    const auto tables = compile(mesh, offline(mesh));
    EXPECT_EQ(tables.ports.size(), 3u);
    EXPECT_NE(tables.scope(1).ports_set, 0u);
    EXPECT_TRUE(tables.ports.contains({tables.scope(1).ports_set, htons(22), 0}));
    EXPECT_FALSE(tables.ports.contains({tables.scope(1).ports_set, htons(23), 0}));
    EXPECT_EQ(tables.scope(1).listeners_set, 0u);
    EXPECT_NE(tables.scope(2).listeners_set, 0u);
    EXPECT_EQ(tables.listeners.size(), 2u);
    const auto [first, second] = std::pair(tables.listeners.begin(), std::next(tables.listeners.begin()));
    EXPECT_NE(first->second.id, second->second.id) << "two scopes may call two listeners the same";
}

TEST(PolicyScopes, ExplainAnswersForTheFlowsScope) {
    const auto mesh = mesh_of("scopes: [{ cgroups: [/a], capture: { excludeOutboundPorts: [80] } }]\n");
    const auto tables = compile(mesh, offline(mesh));
    Flow flow;
    flow.destination = *base::parse_socket_address("10.9.9.9:80");
    EXPECT_EQ(explain(tables, mesh, flow).reason, SHUNT_REASON_PORT_LISTENER);
    flow.scope_id = 1;
    flow.scope = 0;
    const auto answer = explain(tables, mesh, flow);
    EXPECT_EQ(answer.reason, SHUNT_REASON_EXCLUDED_PORT);
    EXPECT_EQ(answer.rule.path, "scopes[0].capture.excludeOutboundPorts[0]");
}

TEST(PolicyScopes, ProxyPortsOfAllScopesAreKnown) {
    std::string scopes = "scopes:\n";
    for (int i = 0; i < 8; ++i)
        scopes += "  - { cgroups: [/p" + std::to_string(i) +
                  "], proxy: { listen: 0.0.0.0:" + std::to_string(16000 + i) + ", identity: { uids: [1] } } }\n";
    const auto mesh = mesh_of(scopes);
    EXPECT_FALSE(check_limits(mesh, offline(mesh))) << "nine ports";
    auto fewer = mesh;
    fewer.scopes.pop_back();
    ASSERT_TRUE(check_limits(fewer, offline(fewer)));
    const auto tables = compile(fewer, offline(fewer));
    EXPECT_EQ(tables.bank.proxy_ports, 8u);
    EXPECT_EQ(tables.bank.proxy_ports_be[0], htons(15001));
}

TEST(PolicyScopes, ACgroupTooDeepIsRefused) {
    const auto mesh = mesh_of("scopes: [{ cgroups: [/a] }]\n");
    auto resolved = offline(mesh);
    ASSERT_TRUE(check_limits(mesh, resolved));
    resolved.scopes[0].cgroups[0].level = 32;
    EXPECT_FALSE(check_limits(mesh, resolved));
    resolved = offline(mesh);
    resolved.scopes[0].proxy = {7, 32};
    EXPECT_FALSE(check_limits(mesh, resolved)) << "a proxy's cgroup is found the same way";
}

TEST(PolicyScopes, EgressPatterns) {
    const std::string host = "reviews.prod.svc.cluster.local";
    for (const char* pattern : {"*/*", "prod/*", "prod/reviews.prod.svc.cluster.local", "*/*.svc.cluster.local",
                                "*/reviews.prod.svc.cluster.local"})
        EXPECT_TRUE(egress_matches(pattern, host)) << pattern;
    for (const char* pattern : {"test/*", "prod/ratings.prod.svc.cluster.local", "*/*.example.com", "pro/*",
                                "*/*.reviews.prod.svc.cluster.local"})
        EXPECT_FALSE(egress_matches(pattern, host)) << pattern;
    EXPECT_TRUE(egress_matches("*/*.example.com", "api.example.com"));
    EXPECT_FALSE(egress_matches("*/*.example.com", "example.com"));
    EXPECT_FALSE(egress_matches("prod/*", "api.example.com")) << "no namespace";
}

}  // namespace
}  // namespace shunt::policy
