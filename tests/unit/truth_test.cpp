// SPDX-License-Identifier: Apache-2.0
// The truth table through the pure function, the one that also runs in the kernel.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/names.h"
#include "config/loader.h"
#include "policy/explain.h"
#include "truth/table.h"

namespace shunt {
namespace {

const std::string kTruth = std::string(SHUNT_TESTS_DIR) + "/truth";
constexpr char kOwn4[] = "192.0.2.2";
constexpr char kOwn6[] = "2001:db8:ffff::2";

std::vector<truth::Row> table() { return truth::read_table(kTruth, kOwn4, kOwn6); }

// Unlike parse_socket_address(): port 0 is a case of ours, and a scope says nothing to the verdict.
base::SocketAddress parse(const std::string& text) {
    const auto colon = text.rfind(':');
    auto ip = text.substr(0, colon);
    if (ip.front() == '[') ip = ip.substr(1, ip.size() - 2);
    const auto address = base::parse_address(ip.substr(0, ip.find('%')));
    if (!address) throw std::runtime_error(text + ": " + address.error().message);
    return {*address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

struct Compiled {
    model::Mesh mesh;
    policy::Tables tables;
};

Compiled compiled(const std::string& config) {
    auto loaded = config::load_file(kTruth + "/configs/" + config + ".yaml");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    auto tables = policy::compile(loaded->mesh, policy::offline(loaded->mesh));
    return {std::move(loaded->mesh), std::move(tables)};
}

policy::Flow flow_of(const truth::Row& row, const model::Mesh& mesh) {
    policy::Flow flow;
    flow.destination = parse(row.destination);
    flow.socket_v6 = row.socket == "v6" || row.socket == "mapped" || row.socket == "udp6";
    flow.tcp = row.tcp();
    if (!row.source.empty()) flow.source = parse(row.source);
    flow.uid = row.uid;
    flow.gid = row.gid;
    flow.mark = row.mark;
    flow.in_proxy_cgroup = row.in_proxy_cgroup && mesh.proxy.identity.cgroup.has_value();
    flow.bound_to_device = !row.device.empty() && row.device != "lo";
    flow.own = {parse(std::string(kOwn4) + ":0").address, parse("[" + std::string(kOwn6) + "]:0").address};
    return flow;
}

TEST(Truth, EveryRow) {
    std::map<std::string, Compiled> configs;
    std::size_t judged = 0;
    for (const auto& row : table()) {
        SCOPED_TRACE(row.text());
        if (!configs.contains(row.config)) configs.emplace(row.config, compiled(row.config));
        const auto& [mesh, tables] = configs.at(row.config);
        const auto answer = policy::explain(tables, mesh, flow_of(row, mesh));
        if (row.live_only()) {
            EXPECT_EQ(base::name(answer.reason), "unmatched");
            continue;
        }
        EXPECT_EQ(base::name(answer.verdict), row.verdict);
        EXPECT_EQ(base::name(answer.reason), row.reason);
        EXPECT_EQ(base::name(answer.lane), row.lane);
        ++judged;
    }
    EXPECT_GE(judged, 300u);
}

// The table itself: it reaches every reason and lane that a verdict can have, and uses every configuration.
TEST(Truth, CoversEveryReasonAndLane) {
    std::set<std::string> reasons, lanes, configs;
    for (const auto& row : table()) {
        reasons.insert(row.reason);
        lanes.insert(row.lane);
        configs.insert(row.config + ".yaml");
    }
    for (int reason = 1; reason < SHUNT_REASON_MAX; ++reason) {
        if (reason == SHUNT_REASON_INTERNAL_REFUSE || reason == SHUNT_REASON_INTERNAL_BYPASS) continue;  // failures
        EXPECT_TRUE(reasons.contains(std::string(base::name(static_cast<shunt_reason>(reason))))) << reason;
    }
    for (int lane = 0; lane < SHUNT_LANE_MAX; ++lane) {
        if (lane == SHUNT_LANE_DICT_BIND) continue;  // bpf_bind() failing
        EXPECT_TRUE(lanes.contains(std::string(base::name(static_cast<shunt_lane>(lane))))) << lane;
    }
    for (const auto& file : std::filesystem::directory_iterator(kTruth + "/configs")) {
        EXPECT_TRUE(configs.contains(file.path().filename().string())) << file.path() << " is used by no row";
    }
}

// A verdict's name follows from its reason's, in the table as in the code.
TEST(Truth, VerdictsFollowFromReasons) {
    for (const auto& row : table()) {
        for (int reason = 1; reason < SHUNT_REASON_MAX; ++reason) {
            const auto value = static_cast<shunt_reason>(reason);
            if (base::name(value) == row.reason) {
                EXPECT_EQ(base::name(base::verdict_of(value)), row.verdict) << row.text();
            }
        }
    }
}

}  // namespace
}  // namespace shunt
