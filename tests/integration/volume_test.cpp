// SPDX-License-Identifier: Apache-2.0
// 200,000 short connections for each lane and way to dial: each is told its own destination, each is counted once, and
// nothing is left in the maps.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

const std::uint64_t kConnections = scaled(200000, 1000);
constexpr unsigned kDialers = 4;

class Volume : public testing::TestWithParam<Way> {
protected:
    // 256 destinations over many networks and ports; the hundreds of a mesh, not one.
    static std::vector<std::string> destinations(bool v6) {
        std::vector<std::string> list;
        for (int i = 0; i < 256; ++i) {
            const auto n = std::to_string(i), port = std::to_string(i % 2 == 0 ? 9080 : 1 + i * 250);
            list.push_back(v6 ? "[2001:db8:9::" + n + "]:" + port
                              : "10." + n + "." + std::to_string(255 - i) + "." + n + ":" + port);
        }
        return list;
    }
};

// Entries of a pinned map, as an operator would look.
std::size_t entries(const Sandbox& sandbox, const std::string& map) {
    const auto path = run_command({}, {"find", sandbox.pin_dir(), "-name", map});
    if (path.empty()) throw std::runtime_error("no pinned map " + map);
    const auto dump = run_command({}, {"bpftool", "-j", "map", "dump", "pinned", path.substr(0, path.find('\n'))});
    return nlohmann::json::parse(dump).size();
}

TEST_P(Volume, EachIsToldItsOwnDestination) {
    const bool v6 = GetParam().family == Family::kV6;
    const Sandbox sandbox;
    const ProbeProxy proxy(sandbox, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true});
    const RunningShunt shunt(sandbox, edge_config(GetParam().lane));

    const auto result = run_in_parallel(
        sandbox.app(), {.destinations = destinations(v6), .count = kConnections, .family = GetParam().family},
        kDialers);
    EXPECT_EQ(result.ok, kConnections) << to_text(result);
    EXPECT_EQ(result.wrong, 0u);
    EXPECT_EQ(result.missing, 0u);

    const auto seen = proxy.counts();
    EXPECT_EQ(seen.accepted, kConnections);
    EXPECT_EQ(seen.ok, kConnections) << seen.first_wrong;
    EXPECT_EQ(seen.destinations.size(), 256u);

    const auto counters = shunt.counters();
    EXPECT_EQ(counters.runs, kConnections);
    EXPECT_EQ(counters.sum_of_reasons(), kConnections);
    EXPECT_EQ(counters.reasons.at("unmatched"), kConnections) << to_text(counters.reasons);
    const std::string lane = v6 ? "record_ipv6" : GetParam().lane == "record" ? "record_setting" : "address";
    EXPECT_EQ(counters.lanes.at(lane), kConnections) << to_text(counters.lanes);
    if (lane == "address") {
        EXPECT_GE(counters.events.at("origdst_address"), kConnections);
    } else {
        EXPECT_EQ(counters.events.at("recorded"), kConnections);
        EXPECT_EQ(counters.events.at("record_taken"), kConnections);
        EXPECT_GE(counters.events.at("origdst_record"), kConnections);
    }
    EXPECT_EQ(entries(sandbox, "shunt_pending"), 0u);
    RecordProperty("failed_socket_calls", to_text(result.errors));
}

INSTANTIATE_TEST_SUITE_P(Ways, Volume,
                         testing::Values(Way{"auto", Family::kV4}, Way{"auto", Family::kMapped},
                                         Way{"auto", Family::kV6}, Way{"record", Family::kV4},
                                         Way{"record", Family::kMapped}, Way{"record", Family::kV6}),
                         name_of);

}  // namespace
}  // namespace shunt::harness
