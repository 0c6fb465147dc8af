// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "config/loader.h"
#include "policy/tables.h"

namespace shunt::policy {
namespace {

Tables compiled(const std::string& capture, const std::string& rest = "") {
    const auto loaded = config::load_text(
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337], gids: [1337] } }\n"
        "capture: { cgroups: [/mesh]" +
            (capture.empty() ? "" : ", " + capture) + " }\n" + rest,
        "test.yaml");
    if (!loaded) {
        ADD_FAILURE() << loaded.error().message;
        return {};
    }
    return compile(loaded->mesh, {});
}

shunt_cidr4_key cidr4(const char* address, std::uint32_t prefix) { return {32 + prefix, 0, inet_addr(address)}; }

TEST(Table, KeysAreOrderedByTheirBytes) {
    std::vector<std::array<std::uint8_t, 12>> keys;
    for (std::size_t at = 0; at < 12; ++at)
        for (const auto value : std::to_array<std::uint8_t>({0, 1, 127, 128, 255})) {
            keys.push_back({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
            keys.back()[at] = value;
        }
    const auto sign = [](int order) { return (order > 0) - (order < 0); };
    for (const auto& a : keys)
        for (const auto& b : keys) EXPECT_EQ(compare_bytes(a, b), sign(std::memcmp(&a, &b, sizeof a)));
}

TEST(Table, FinishSortsAndKeepsTheLastOfEqualKeys) {
    Table<std::uint64_t, std::int64_t> table;
    for (const std::uint64_t key : {7, 3, 7, 9}) table.append(key, static_cast<std::int64_t>(table.size()));
    table.finish();
    ASSERT_EQ(table.size(), 3u);
    EXPECT_EQ(table.at(7), 2);
    Table<std::uint64_t, std::int64_t> twice;  // in order already
    for (int i = 0; i < 2; ++i) twice.append(3, i);
    twice.finish();
    ASSERT_EQ(twice.size(), 1u);
    EXPECT_EQ(twice.at(3), 1);
}

using Numbers64 = Table<std::uint64_t, std::uint64_t>;

Numbers64 two_blocks(std::uint64_t value) {
    Numbers64 table;
    table.append_block({{1, 10}, {2, 20}}, {});
    table.append_block({{3, 30}, {5, value}}, {});
    return table;
}

TEST(Table, IsOneListAcrossItsBlocks) {
    auto table = two_blocks(50);
    std::vector<std::uint64_t> keys;
    for (const auto& [key, value] : table) keys.push_back(key);
    EXPECT_EQ(keys, (std::vector<std::uint64_t>{1, 2, 3, 5}));
    for (const auto key : keys) EXPECT_EQ(table.at(key), key * 10);
    for (const std::uint64_t key : {0, 4, 6}) EXPECT_FALSE(table.contains(key));
    for (const std::uint64_t key : {0, 4, 6}) table[key] = key * 10;
    EXPECT_EQ(table.size(), 7u);
    table[3] = 31;
    EXPECT_EQ(table.size(), 7u);
    EXPECT_EQ(table.at(3), 31u);
    table.finish();
    EXPECT_EQ(table.size(), 7u);
    table.append(2, 21);
    table.finish();
    EXPECT_EQ(table.size(), 7u);
    EXPECT_EQ(table.at(2), 21u);
    EXPECT_EQ(std::distance(table.begin(), table.end()), 7);
}

TEST(Table, ACopyIsChangedAlone) {
    const auto first = two_blocks(50);
    auto second = first, third = first;
    second[5] = 51;
    second.append(7, 70);
    third.for_each_value([](std::uint64_t, std::uint64_t& value) { value = 0; });
    EXPECT_EQ(first.size(), 4u);
    EXPECT_EQ(first.at(5), 50u);
    EXPECT_EQ(second.at(5), 51u);
    EXPECT_EQ(third.at(1), 0u);
    EXPECT_EQ(second.at(1), 10u);
}

TEST(Table, SharesTheBlocksThatAreTheSame) {
    const auto first = two_blocks(50);
    Numbers64 second;
    second.append_block({{1, 10}, {2, 20}}, first);
    second.append_block({{3, 30}, {5, 51}}, first);
    auto a = first.begin(), b = second.begin();
    EXPECT_TRUE(a.skip_shared(b));
    EXPECT_EQ(b->first, 3u);
    EXPECT_FALSE(a.skip_shared(b)) << "another value";
    auto same = two_blocks(50);
    a = first.begin(), b = same.begin();
    EXPECT_FALSE(a.skip_shared(b)) << "the same by chance";
    same.share(first);
    a = first.begin(), b = same.begin();
    EXPECT_TRUE(a.skip_shared(b) && a.skip_shared(b));
    EXPECT_TRUE(a == first.end() && b == same.end());
    second.share(first);
    EXPECT_EQ(second.at(5), 51u);
}

TEST(Compile, DefaultsCaptureEverythingWithEmptyTables) {
    const auto tables = compiled("");
    EXPECT_TRUE(tables.base().flags & SHUNT_SCOPE_VALID);
    EXPECT_TRUE(tables.base().flags & SHUNT_SCOPE_INCLUDE_ALL);
    EXPECT_TRUE(tables.base().flags & SHUNT_SCOPE_PROXY_V4_WILDCARD);
    EXPECT_FALSE(tables.base().flags &
                 (SHUNT_SCOPE_PORTS | SHUNT_SCOPE_CIDRS4 | SHUNT_SCOPE_CIDRS6 | SHUNT_SCOPE_LISTENERS));
    EXPECT_EQ(tables.base().proxy4_port_be, htons(15001));
    EXPECT_TRUE(tables.ports.empty() && tables.cidrs4.empty() && tables.cidrs6.empty() && tables.listeners.empty());
    EXPECT_EQ(tables.owners.size(), 2u);
}

TEST(Compile, ARangeCarriesTheFlagsOfThoseThatCoverIt) {
    const auto tables = compiled(
        "includeOutboundIPRanges: [10.0.0.0/8, 10.1.2.0/24], excludeOutboundIPRanges: [10.1.0.0/16, 192.0.2.0/24]");
    EXPECT_EQ(tables.cidrs4.at(cidr4("10.0.0.0", 8)).flags, SHUNT_CIDR_INCLUDED);
    EXPECT_EQ(tables.cidrs4.at(cidr4("10.1.0.0", 16)).flags, SHUNT_CIDR_INCLUDED | SHUNT_CIDR_EXCLUDED);
    EXPECT_EQ(tables.cidrs4.at(cidr4("10.1.2.0", 24)).flags, SHUNT_CIDR_INCLUDED | SHUNT_CIDR_EXCLUDED);
    EXPECT_EQ(tables.cidrs4.at(cidr4("192.0.2.0", 24)).flags, SHUNT_CIDR_EXCLUDED);
    EXPECT_EQ(tables.cidrs4.size(), 4u);
    EXPECT_FALSE(tables.base().flags & SHUNT_SCOPE_INCLUDE_ALL);
}

TEST(Compile, ASiblingInheritsNothing) {
    const auto tables =
        compiled("includeOutboundIPRanges: [10.0.0.0/9, 10.128.0.0/9], excludeOutboundIPRanges: [10.0.0.0/16]");
    EXPECT_EQ(tables.cidrs4.at(cidr4("10.128.0.0", 9)).flags, SHUNT_CIDR_INCLUDED);
}

TEST(Compile, ALoopbackRangeAmongTheIncludedOpensOwnAddresses) {
    const auto tables = compiled("includeOutboundIPRanges: [127.0.0.0/8]");
    EXPECT_TRUE(tables.base().flags & SHUNT_SCOPE_INCLUDE_OWN);
    EXPECT_EQ(tables.cidrs4.at(cidr4("127.0.0.1", 32)).flags, SHUNT_CIDR_INCLUDED | SHUNT_CIDR_LOOPBACK);
    EXPECT_EQ(tables.cidrs6.size(), 1u) << "::1";
}

TEST(Compile, PortRangesAreWrittenOut) {
    const auto tables = compiled("includeOutboundPorts: [80, 8000-8010], excludeOutboundPorts: [8005-8020, 65535]");
    EXPECT_EQ(tables.ports.size(), 1u + 11 + 10 + 1);
    EXPECT_EQ(tables.ports.at({0, htons(8000), 0}).flags, SHUNT_PORT_INCLUDED);
    EXPECT_EQ(tables.ports.at({0, htons(8005), 0}).flags, SHUNT_PORT_INCLUDED | SHUNT_PORT_EXCLUDED);
    EXPECT_EQ(tables.ports.at({0, htons(65535), 0}).flags, SHUNT_PORT_EXCLUDED);
}

TEST(Compile, OwnersOfSeveralKindsShareAnEntry) {
    const auto tables = compiled("includeOutboundOwnerGroups: [1337, 2000]");
    EXPECT_EQ(tables.owners.at({SHUNT_OWNER_GID, 1337}).flags, SHUNT_OWNER_PROXY | SHUNT_OWNER_INCLUDED);
    EXPECT_EQ(tables.owners.at({SHUNT_OWNER_UID, 1337}).flags, SHUNT_OWNER_PROXY);
    EXPECT_TRUE(tables.base().flags & SHUNT_SCOPE_OWNER_INCLUDE_LIST);
}

TEST(Compile, APortListenerHasNoAddress) {
    const auto tables = compiled("",
                                 "clusters: [{ name: c, type: STATIC }]\nlisteners:\n"
                                 "  - { name: a, address: 0.0.0.0, port: 9080, cluster: c }\n"
                                 "  - { name: b, address: 10.96.7.7, port: 3306, cluster: c }\n");
    shunt_listener_key any{};
    any.port_be = htons(9080);
    EXPECT_EQ(tables.listeners.at(any).flags, 0u);
    const shunt_listener_key exact{base::Address::v4(0x0a600707).to_abi(), htons(3306), 0, 0};
    EXPECT_NE(tables.listeners.at(exact).id, tables.listeners.at(any).id);
}

}  // namespace
}  // namespace shunt::policy
