// SPDX-License-Identifier: Apache-2.0
// Two network namespaces under the same tables, with the same source ports at the same time: nothing may cross over.
#include "edge_fixture.h"

namespace shunt::harness {
namespace {

class Namespaces : public testing::TestWithParam<Way> {};

std::vector<std::string> destinations(Family family, const std::string& part) {
    std::vector<std::string> list;
    for (int i = 1; i <= 50; ++i) {
        const auto n = std::to_string(i);
        list.push_back(family == Family::kV6 ? "[2001:db8:" + part + "::" + n + "]:80"
                                             : "10." + part + "." + n + ".7:80");
    }
    return list;
}

TEST_P(Namespaces, NothingCrossesOver) {
    const auto family = GetParam().family;
    const bool v6 = family == Family::kV6;
    const std::uint64_t connections = scaled(10000, 400) / 400 * 400;
    const Sandbox& sandbox = World::get().sandbox;
    const ProbeOptions options{.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true};
    auto app_one = sandbox.app(), app_two = sandbox.app(), proxy_two = sandbox.proxy();
    app_two.netns = proxy_two.netns = World::get().second_client_netns();
    const ProbeProxy one(sandbox, options), two(proxy_two, options);
    World::get().run_shunt(edge_config(GetParam().lane));

    Dialer first(app_one), second(app_two);
    // The same ports in both, in the same order; RST frees each at once for the next round.
    Batch batch{.count = connections,
                .family = family,
                .source = v6 ? "[::]:5000" : "0.0.0.0:5000",
                .source_ports = 8,
                .reset = true};
    batch.destinations = destinations(family, "11");
    first.start(batch);
    batch.destinations = destinations(family, "12");
    second.start(batch);
    const auto result_one = first.wait(), result_two = second.wait();

    EXPECT_EQ(result_one.ok, connections) << to_text(result_one);
    EXPECT_EQ(result_two.ok, connections) << to_text(result_two);
    for (const auto& [proxy, part] : {std::pair{&one, "11"}, std::pair{&two, "12"}}) {
        const auto counts = proxy->counts();
        EXPECT_EQ(counts.ok, connections);
        EXPECT_EQ(counts.wrong, 0u) << counts.first_wrong;
        EXPECT_EQ(counts.missing, 0u);
        EXPECT_EQ(counts.destinations.size(), 50u) << "a destination of the other namespace";
        EXPECT_TRUE(counts.destinations.contains(destinations(family, part).front()));
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, Namespaces, testing::ValuesIn(kWays), name_of);

}  // namespace
}  // namespace shunt::harness
