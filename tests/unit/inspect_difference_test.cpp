// SPDX-License-Identifier: Apache-2.0
#include "inspect/difference.h"

#include <gtest/gtest.h>

#include <map>

#include "inspect_fixture.h"

namespace shunt::inspect {
namespace {

std::map<std::string, Difference> between(const std::string& written, const std::string& present) {
    const auto configuration = mesh_of(written);
    const auto kernel = mesh_of(present);
    std::map<std::string, Difference> found;
    for (const auto& difference : differences(policy::compile(configuration, policy::offline(configuration)),
                                              policy::compile(kernel, policy::offline(kernel)), Names(configuration)))
        found[difference.what + " " + difference.key] = difference;
    return found;
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    return text;
}

TEST(Differences, NoneBetweenEqualTables) { EXPECT_TRUE(between(kReviews, kReviews).empty()); }

TEST(Differences, AnEndpointAndItsCluster) {
    const auto found = between(kReviews, changed(kReviews, "health: DRAINING", "health: HEALTHY"));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found.at("endpoint a 10.0.3.2:80").configuration, "");
    EXPECT_EQ(found.at("endpoint a 10.0.3.2:80").kernel, "weight 1");
    EXPECT_EQ(found.at("cluster a").configuration, "1 healthy endpoints");
    EXPECT_EQ(found.at("cluster a").kernel, "2 healthy endpoints");
}

// An entry that comes first moves all others in the table; only it is different.
TEST(Differences, PositionsDoNotMatter) {
    const auto found = between(
        kReviews, changed(kReviews, "{ address: 10.0.3.1:80,", "{ address: 10.0.3.8:80 }, { address: 10.0.3.1:80,"));
    EXPECT_EQ(found.size(), 2u);
    EXPECT_TRUE(found.contains("endpoint a 10.0.3.8:80"));
}

TEST(Differences, AListenersWeights) {
    const auto found = between(kReviews, changed(kReviews, "{ name: a, weight: 10 }, { name: b, weight: 90 }",
                                                 "{ name: a, weight: 20 }, { name: b, weight: 80 }"));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found.begin()->second.configuration, "db: balance a=10 b=90");
    EXPECT_EQ(found.begin()->second.kernel, "db: balance a=20 b=80");
}

TEST(Differences, SettingsPortsRangesAndOwners) {
    const auto configuration = mesh_of(kReviews + "outboundTrafficPolicy: { mode: REGISTRY_ONLY }\n");
    auto tables = policy::compile(configuration, policy::offline(configuration));
    auto other = tables;
    other.ports[{0, 0x1600, 0}] = {SHUNT_PORT_EXCLUDED};  // 22, big endian
    other.cidrs4[{32 + 8, 0, 0x0000000a}] = {SHUNT_CIDR_EXCLUDED | SHUNT_CIDR_INCLUDED};
    other.owners = {};
    other.scopes[{0}].flags ^= SHUNT_SCOPE_REGISTRY_ONLY;
    std::map<std::string, Difference> found;
    for (const auto& difference : differences(tables, other, Names(configuration)))
        found[difference.what + " " + difference.key] = difference;
    EXPECT_EQ(found.size(), 4u);
    EXPECT_EQ(found.at("port 22/tcp").kernel, "excluded");
    EXPECT_EQ(found.at("range 10.0.0.0/8").kernel, "included, excluded");
    EXPECT_EQ(found.at("owner uid 1337").configuration, "proxy");
    EXPECT_EQ(found.at("owner uid 1337").kernel, "");
    EXPECT_TRUE(found.contains("scope base flags"));
}

}  // namespace
}  // namespace shunt::inspect
