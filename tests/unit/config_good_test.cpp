// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "config/loader.h"

namespace {

using namespace shunt;

model::Mesh load(const std::string& path) {
    auto loaded = config::load_file(path);
    if (!loaded) {
        ADD_FAILURE() << loaded.error().message;
        return {};
    }
    for (const auto& warning : loaded->warnings) ADD_FAILURE() << warning;
    return loaded->mesh;
}

model::Mesh good(const std::string& name) {
    return load(std::string(SHUNT_TESTS_DIR "/config/good/") + name + ".yaml");
}

TEST(ConfigGood, MinimalHasEveryDefault) {
    const auto mesh = good("minimal");
    EXPECT_TRUE(mesh.file.ends_with("good/minimal.yaml"));
    ASSERT_TRUE(mesh.proxy.listen_v4);
    EXPECT_EQ(base::to_string(mesh.proxy.listen_v4->value), "0.0.0.0:15001");
    EXPECT_EQ(mesh.proxy.listen_v4->place.path, "proxy.listen");
    EXPECT_EQ(mesh.proxy.listen_v4->place.line, 2);
    EXPECT_EQ(mesh.proxy.listen_v4->place.column, 11);
    EXPECT_FALSE(mesh.proxy.listen_v6);
    EXPECT_FALSE(mesh.proxy.identity.cgroup);
    EXPECT_FALSE(mesh.proxy.identity.mark);
    EXPECT_TRUE(mesh.proxy.identity.gids.empty());
    ASSERT_EQ(mesh.proxy.identity.uids.size(), 1u);
    EXPECT_EQ(mesh.proxy.identity.uids[0].place.path, "proxy.identity.uids[0]");
    EXPECT_EQ(mesh.proxy.when_down, model::WhenDown::kRefuse);
    EXPECT_TRUE(mesh.proxy.bind_guard);
    EXPECT_EQ(mesh.proxy.lane, model::LaneMode::kAuto);
    const auto& capture = mesh.capture;
    ASSERT_EQ(capture.cgroups.size(), 1u);
    EXPECT_EQ(capture.cgroups[0].value, "/mesh");
    EXPECT_TRUE(capture.include_ranges.all);
    EXPECT_EQ(capture.include_ranges.all_place.line, 0);
    EXPECT_TRUE(capture.include_ranges.ranges.empty());
    EXPECT_FALSE(capture.exclude_ranges.all);
    EXPECT_TRUE(capture.exclude_ranges.ranges.empty());
    EXPECT_TRUE(capture.include_ports.empty());
    EXPECT_TRUE(capture.exclude_ports.empty());
    EXPECT_TRUE(capture.include_owner_groups.all);
    EXPECT_TRUE(capture.include_owner_groups.gids.empty());
    EXPECT_TRUE(capture.exclude_owner_groups.empty());
    EXPECT_EQ(base::to_string(capture.loopback_v4.value), "127.0.0.1/32");
    EXPECT_EQ(capture.loopback_v4.place.line, 0);
    EXPECT_EQ(capture.ipv6, model::Ipv6Mode::kAuto);
    EXPECT_FALSE(capture.client_address_v4);
    EXPECT_FALSE(mesh.metrics) << "off by default";
    EXPECT_FALSE(capture.client_address_v6);
    EXPECT_EQ(mesh.policy.mode, model::PolicyMode::kAllowAny);
    EXPECT_EQ(mesh.policy.enforced_by, model::EnforcedBy::kProxy);
    EXPECT_EQ(mesh.on_internal_error, model::OnInternalError::kRefuse);
    EXPECT_TRUE(mesh.listeners.empty() && mesh.routes.empty() && mesh.clusters.empty());
}

TEST(ConfigGood, EverythingProxyAndPolicy) {
    const auto mesh = good("everything");
    ASSERT_TRUE(mesh.proxy.listen_v4 && mesh.proxy.listen_v6);
    EXPECT_EQ(base::to_string(mesh.proxy.listen_v4->value), "192.0.2.5:15001");
    EXPECT_EQ(mesh.proxy.listen_v4->place.path, "proxy.listen[1]");
    EXPECT_EQ(base::to_string(mesh.proxy.listen_v6->value), "[2001:db8::5]:15002");
    const auto& identity = mesh.proxy.identity;
    ASSERT_TRUE(identity.cgroup && identity.mark);
    EXPECT_EQ(identity.cgroup->value, "/mesh/proxy");
    EXPECT_EQ(identity.mark->value, 0x539u);
    EXPECT_EQ(identity.mark->place.path, "proxy.identity.mark");
    ASSERT_EQ(identity.uids.size(), 2u);
    EXPECT_EQ(identity.uids[0].value, 0u);
    ASSERT_EQ(identity.gids.size(), 1u);
    EXPECT_EQ(identity.gids[0].value, 4294967294u);
    EXPECT_EQ(mesh.proxy.when_down, model::WhenDown::kBypass);
    EXPECT_FALSE(mesh.proxy.bind_guard);
    EXPECT_EQ(mesh.proxy.lane, model::LaneMode::kRecord);
    EXPECT_EQ(mesh.policy.mode, model::PolicyMode::kRegistryOnly);
    EXPECT_EQ(mesh.policy.enforced_by, model::EnforcedBy::kKernel);
    EXPECT_EQ(mesh.policy.place.path, "outboundTrafficPolicy");
    EXPECT_GT(mesh.policy.place.line, 0);
    EXPECT_EQ(mesh.on_internal_error, model::OnInternalError::kBypass);
}

TEST(ConfigGood, EverythingCapture) {
    const auto capture = good("everything").capture;
    ASSERT_EQ(capture.cgroups.size(), 2u);
    EXPECT_EQ(capture.cgroups[1].value, "/sys/fs/cgroup/kubepods");
    EXPECT_EQ(capture.cgroups[1].place.path, "capture.cgroups[1]");
    EXPECT_TRUE(capture.include_ranges.all);
    EXPECT_EQ(capture.include_ranges.all_place.path, "capture.includeOutboundIPRanges[0]");
    ASSERT_EQ(capture.include_ranges.ranges.size(), 2u);
    EXPECT_EQ(base::to_string(capture.include_ranges.ranges[1].value), "2001:db8::/32");
    EXPECT_EQ(capture.include_ranges.ranges[1].place.path, "capture.includeOutboundIPRanges[2]");
    ASSERT_EQ(capture.exclude_ranges.ranges.size(), 3u);
    EXPECT_EQ(base::to_string(capture.exclude_ranges.ranges[0].value), "203.0.113.0/24");
    EXPECT_EQ(base::to_string(capture.exclude_ranges.ranges[1].value), "198.51.100.7/32");
    ASSERT_EQ(capture.include_ports.size(), 2u);
    EXPECT_EQ(capture.include_ports[1].value, (base::PortRange{5432, 5432}));
    ASSERT_EQ(capture.exclude_ports.size(), 3u);
    EXPECT_EQ(capture.exclude_ports[1].value, (base::PortRange{8000, 8010}));
    EXPECT_EQ(capture.exclude_ports[2].value, (base::PortRange{9000, 9010}));
    EXPECT_TRUE(capture.include_owner_groups.all);
    ASSERT_EQ(capture.exclude_owner_groups.size(), 2u);
    EXPECT_EQ(capture.exclude_owner_groups[0].value, 0u);  // root
    EXPECT_EQ(base::to_string(capture.loopback_v4.value), "127.0.0.0/8");
    EXPECT_GT(capture.loopback_v4.place.line, 0);
    EXPECT_EQ(capture.ipv6, model::Ipv6Mode::kCapture);
    ASSERT_TRUE(capture.client_address_v4 && capture.client_address_v6);
    EXPECT_EQ(base::to_string(capture.client_address_v4->value), "192.0.2.9");
    EXPECT_EQ(base::to_string(capture.client_address_v6->value), "2001:db8::9");
}

TEST(ConfigGood, EverythingMesh) {
    const auto mesh = good("everything");
    ASSERT_EQ(mesh.listeners.size(), 3u);
    EXPECT_EQ(mesh.listeners[0].name, "0.0.0.0_9080");
    EXPECT_EQ(mesh.listeners[0].route_config_name, "9080");
    EXPECT_TRUE(mesh.listeners[0].address.is_unspecified());
    EXPECT_EQ(mesh.listeners[1].cluster, "BlackHoleCluster");
    EXPECT_EQ(base::to_string(mesh.listeners[2].address), "2001:db8::7");
    EXPECT_EQ(mesh.listeners[2].port, 9080);
    EXPECT_EQ(mesh.listeners[2].place.path, "listeners[2]");
    ASSERT_EQ(mesh.routes.size(), 2u);
    ASSERT_EQ(mesh.routes[0].virtual_hosts.size(), 2u);
    const auto& reviews = mesh.routes[0].virtual_hosts[0];
    EXPECT_EQ(reviews.domains, (std::vector<std::string>{"reviews", "reviews:9080"}));
    ASSERT_EQ(reviews.weighted_clusters.size(), 2u);
    EXPECT_EQ(reviews.weighted_clusters[1].name, "outbound|9080||b");
    EXPECT_EQ(reviews.weighted_clusters[1].weight, 90u);
    const auto& any = mesh.routes[0].virtual_hosts[1];
    ASSERT_EQ(any.weighted_clusters.size(), 1u);
    EXPECT_EQ(any.weighted_clusters[0].weight, 100u);
    ASSERT_EQ(mesh.clusters.size(), 4u);
    const auto& endpoints = mesh.clusters[0].endpoints;
    EXPECT_EQ(mesh.clusters[0].type, model::ClusterType::kEds);
    ASSERT_EQ(endpoints.size(), 3u);
    EXPECT_EQ(endpoints[0].weight, 1u);
    EXPECT_EQ(endpoints[0].health, model::Health::kHealthy);
    EXPECT_EQ(base::to_string(endpoints[1].address), "[2001:db8::29]:9080");
    EXPECT_EQ(endpoints[1].weight, 7u);
    EXPECT_EQ(endpoints[1].health, model::Health::kUnhealthy);
    EXPECT_EQ(endpoints[1].place.path, "clusters[0].endpoints[1]");
    EXPECT_EQ(endpoints[2].health, model::Health::kDraining);
    EXPECT_EQ(mesh.clusters[1].type, model::ClusterType::kStrictDns);
    ASSERT_TRUE(mesh.metrics && mesh.metrics->address);
    EXPECT_EQ(base::to_string(*mesh.metrics->address), "[2001:db8::5]:9464");
    EXPECT_EQ(mesh.metrics->path, "");
    EXPECT_EQ(mesh.clusters[2].type, model::ClusterType::kOriginalDst);
    EXPECT_EQ(mesh.clusters[3].type, model::ClusterType::kStatic);
}

TEST(ConfigGood, OnlyPortsInJson) {
    const auto mesh = good("only_ports");
    EXPECT_FALSE(mesh.proxy.listen_v4);
    ASSERT_TRUE(mesh.proxy.listen_v6);
    EXPECT_TRUE(mesh.proxy.listen_v6->value.address.is_unspecified());
    EXPECT_EQ(mesh.proxy.identity.mark.value().value, 0x539u);
    EXPECT_FALSE(mesh.capture.include_ranges.all);
    EXPECT_TRUE(mesh.capture.include_ranges.ranges.empty());
    EXPECT_EQ(mesh.capture.include_ports.size(), 2u);
    EXPECT_FALSE(mesh.capture.include_owner_groups.all);
    ASSERT_EQ(mesh.capture.include_owner_groups.gids.size(), 2u);
    EXPECT_EQ(mesh.capture.include_owner_groups.gids[0].value, 0u);
    EXPECT_EQ(mesh.capture.include_owner_groups.gids[1].value, 7u);
}

TEST(ConfigGood, ExcludedPartOfWiderIncludedIsNormal) {
    const auto mesh = good("exclude_inside_include");
    EXPECT_EQ(mesh.capture.exclude_ranges.ranges.size(), 2u);
    EXPECT_EQ(mesh.capture.cgroups.size(), 3u);
}

// People write 0.0.0.0/0 to take all of IPv4 out; it is no contradiction to "*".
TEST(ConfigGood, ExcludeAllOfIpv4) {
    const auto mesh = good("exclude_all_v4");
    EXPECT_TRUE(mesh.capture.include_ranges.all);
    EXPECT_EQ(base::to_string(mesh.capture.exclude_ranges.ranges.at(0).value), "0.0.0.0/0");
}

TEST(ConfigGood, ByteOrderMarkCrLfAndTabBetweenTokens) {
    const auto mesh = good("crlf_bom_tab");
    EXPECT_EQ(mesh.proxy.listen_v4->place.line, 2);
    EXPECT_EQ(mesh.capture.cgroups.at(0).value, "/mesh");
}

TEST(ConfigGood, ExamplesLoadWithoutWarnings) {
    const auto minimal = load(SHUNT_EXAMPLES_DIR "/minimal.yaml");
    EXPECT_TRUE(minimal.capture.include_ranges.all);
    const auto whole = load(SHUNT_EXAMPLES_DIR "/shunt.yaml");
    EXPECT_EQ(whole.listeners.size(), 2u);
    EXPECT_EQ(whole.clusters.size(), 6u);
}

TEST(ConfigGood, Scopes) {
    const auto mesh = good("scopes");
    ASSERT_EQ(mesh.scopes.size(), 2u);
    const auto& batch = mesh.scopes[0];
    EXPECT_EQ(batch.name, "batch");
    EXPECT_EQ(batch.cgroups.size(), 2u);
    ASSERT_TRUE(batch.capture);
    EXPECT_FALSE(batch.capture->include_ranges.all);
    EXPECT_TRUE(batch.capture->exclude_ports.empty()) << "nothing is merged";
    EXPECT_FALSE(batch.proxy || batch.policy || batch.listeners || batch.egress_hosts);
    const auto& other = mesh.scopes[1];
    EXPECT_EQ(other.name, "/kubepods.slice/pod-c");
    const auto settings = model::settings_of(mesh, &other);
    EXPECT_EQ(settings.proxy.listen_v4->value.port, 15101);
    EXPECT_EQ(settings.policy.enforced_by, model::EnforcedBy::kProxy);
    EXPECT_EQ(settings.capture.exclude_ports.size(), 1u) << "inherited";
    EXPECT_EQ(settings.listeners.size(), 2u);
    ASSERT_EQ(other.egress_hosts->size(), 1u);
}

// What docs/config.md shows as a whole configuration is one.
TEST(ConfigGood, ExamplesOfTheManual) {
    std::ifstream manual(SHUNT_DOCS_DIR "/config.md");
    std::string line;
    std::string block;
    bool inside = false;
    int blocks = 0;
    while (std::getline(manual, line)) {
        if (inside && line == "```") {
            const auto loaded = config::load_text(block, "docs/config.md");
            EXPECT_TRUE(loaded && loaded->warnings.empty())
                << block << (loaded ? loaded->warnings.front() : loaded.error().message);
            ++blocks;
            inside = false;
        } else if (inside) {
            block += line + "\n";
        } else if (line == "```yaml") {
            inside = true;
            block.clear();
        }
    }
    EXPECT_EQ(blocks, 9);
}

TEST(ConfigGood, EveryFileHasATest) {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(SHUNT_TESTS_DIR "/config/good"))
        found.insert(entry.path().stem().string());
    const std::set<std::string> tested{"minimal",        "everything",   "only_ports", "exclude_inside_include",
                                       "exclude_all_v4", "crlf_bom_tab", "scopes"};
    EXPECT_EQ(found, tested);
}

}  // namespace
