// SPDX-License-Identifier: Apache-2.0
// The YAML that importers print is what the loader reads.
#include <fstream>
#include <sstream>

#include "importer_fixture.h"

namespace shunt::test {
namespace {

using importer::write_yaml;

// Written, read and written again: the same text, so nothing was lost and nothing invented.
void expect_round_trip(const model::Mesh& mesh) {
    const auto text = write_yaml(mesh, {}, "made by a test\nof two lines");
    const auto loaded = config::load_text(text, "t.yaml");
    ASSERT_TRUE(loaded) << loaded.error().message << "\n" << text;
    EXPECT_EQ(write_yaml(loaded->mesh, {}, "made by a test\nof two lines"), text);
}

TEST(WriteYaml, ExamplesComeBackAsTheyWere) {
    for (const char* name : {"/shunt.yaml", "/minimal.yaml"}) {
        const auto loaded = config::load_file(std::string(SHUNT_EXAMPLES_DIR) + name);
        ASSERT_TRUE(loaded) << loaded.error().message;
        expect_round_trip(loaded->mesh);
    }
}

TEST(WriteYaml, NothingOfTheModelIsLost) {
    const auto loaded = config::load_text(R"(proxy:
  listen: ["192.0.2.1:15001", "[2001:db8::1]:15001"]
  identity: { cgroup: "/mesh/a b", mark: 0x539, uids: [1], gids: [2, 3] }
  whenDown: bypass
  lane: record
  bindGuard: false
capture:
  cgroups: [/mesh, "/other: #1"]
  includeOutboundIPRanges: ["*", 10.0.0.0/8]
  excludeOutboundIPRanges: [198.51.100.0/24, "::2/128"]
  includeOutboundPorts: [80, 8000-8010]
  excludeOutboundPorts: [22]
  includeOutboundOwnerGroups: [5]
  outboundIPv4LoopbackCIDR: 127.0.0.0/8
  ipv6: refuse
  clientAddress: [192.0.2.7, "2001:db8::7"]
outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }
onInternalError: bypass
listeners:
  - { name: "a \"quoted\" \\ name, with: all { sorts } # of", address: "2001:db8::9", port: 1, cluster: "null" }
  - { name: b, port: 2, routeConfigName: "9080" }
routes:
  - { name: empty }
  - name: "9080"
    virtualHosts:
      - { name: "*", domains: ["*", "a.b:80"], weightedClusters: [{ name: "true", weight: 1 }, { name: "null", weight: 4294967294 }] }
clusters:
  - { name: "null", type: STRICT_DNS, endpoints: [{ address: "[2001:db8::1]:1", weight: 7, health: DRAINING }] }
  - { name: "true", type: STATIC, endpoints: [{ address: 192.0.2.9:1, health: UNHEALTHY }] }
  - { name: "0x10", type: ORIGINAL_DST }
)",
                                          "t.yaml");
    ASSERT_TRUE(loaded) << loaded.error().message;
    expect_round_trip(loaded->mesh);
    const auto again = config::load_text(write_yaml(loaded->mesh, {}, ""), "t.yaml");
    const auto& mesh = again->mesh;
    EXPECT_EQ(mesh.listeners[0].name, "a \"quoted\" \\ name, with: all { sorts } # of");
    EXPECT_EQ(mesh.listeners[0].cluster, "null");
    EXPECT_EQ(mesh.proxy.identity.cgroup->value, "/mesh/a b");
    EXPECT_EQ(mesh.proxy.identity.mark->value, 0x539u);
    EXPECT_EQ(mesh.capture.ipv6, model::Ipv6Mode::kRefuse);
    EXPECT_EQ(mesh.policy.enforced_by, model::EnforcedBy::kKernel);
    EXPECT_EQ(mesh.clusters[0].endpoints[0].health, model::Health::kDraining);
    EXPECT_EQ(mesh.clusters[2].type, model::ClusterType::kOriginalDst);
    EXPECT_EQ(mesh.routes[1].virtual_hosts[0].weighted_clusters[1].weight, 4294967294u);
}

TEST(WriteYaml, ScopesMetricsAndWhatIsFollowed) {
    const auto loaded = config::load_text(R"(proxy: { listen: 0.0.0.0:15001 }
capture: { cgroups: [/mesh] }
outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel, emptyCluster: refuse }
metrics: { listen: "192.0.2.1:9464", beyondLoopback: true }
watch: true
listeners:
  - { name: split, port: 1, weightedClusters: [{ name: a, weight: 1 }, { name: b, weight: 99 }], direct: true }
clusters:
  - { name: a, endpoints: [{ address: 192.0.2.9:1 }] }
  - { name: b, endpoints: [{ address: 192.0.2.8:1 }] }
scopes:
  - { cgroups: [/mesh/bare] }
  - name: "all of it"
    cgroups: [/mesh/pod-a, "/mesh/pod b"]
    proxy: { listen: 127.0.0.1:16001, lane: record, whenDown: bypass }
    capture: { includeOutboundPorts: [80], ipv6: refuse }
    outboundTrafficPolicy: { mode: ALLOW_ANY, enforcedBy: kernel }
    onInternalError: bypass
    listeners: [{ name: own, port: 2, cluster: a }]
    egress: { hosts: ["prod/*", "*/*.example.com"] }
  - { name: nothing, cgroups: [/mesh/pod-c], listeners: [], egress: { hosts: [] }, onInternalError: refuse }
  - { name: "only\u200bports", cgroups: [/mesh/pod-d], capture: { includeOutboundPorts: [80], excludeOutboundIPRanges: ["*"] } }
)",
                                          "t.yaml");
    ASSERT_TRUE(loaded) << loaded.error().message;
    expect_round_trip(loaded->mesh);
    const auto again = config::load_text(write_yaml(loaded->mesh, {}, ""), "t.yaml");
    ASSERT_TRUE(again) << again.error().message;
    const auto& mesh = again->mesh;
    EXPECT_EQ(mesh.policy.empty_cluster, model::EmptyCluster::kRefuse);
    EXPECT_EQ(mesh.metrics, loaded->mesh.metrics);
    EXPECT_TRUE(mesh.watch);
    EXPECT_EQ(mesh.listeners[0].weighted_clusters[1].weight, 99u);
    ASSERT_EQ(mesh.scopes.size(), 4u);
    EXPECT_EQ(mesh.scopes[0].name, "/mesh/bare");
    EXPECT_FALSE(mesh.scopes[0].proxy || mesh.scopes[0].capture || mesh.scopes[0].policy || mesh.scopes[0].listeners);
    const auto& scope = mesh.scopes[1];
    EXPECT_EQ(scope.cgroups[1].value, "/mesh/pod b");
    EXPECT_EQ(scope.proxy->lane, model::LaneMode::kRecord);
    EXPECT_EQ(scope.capture->include_ports[0].value.first, 80);
    EXPECT_EQ(scope.policy->enforced_by, model::EnforcedBy::kKernel);
    EXPECT_EQ(scope.on_internal_error, model::OnInternalError::kBypass);
    EXPECT_EQ(scope.listeners->front().name, "own");
    EXPECT_EQ(scope.egress_hosts->back().value, "*/*.example.com");
    EXPECT_TRUE(mesh.scopes[2].listeners->empty());
    EXPECT_EQ(mesh.scopes[3].name, "only\u200bports");
    EXPECT_TRUE(mesh.scopes[3].capture->exclude_ranges.all);
}

TEST(WriteYaml, ASourceStandsForWhatItGives) {
    const auto loaded = config::load_text(R"(proxy: { listen: 0.0.0.0:15001 }
capture: { cgroups: [/mesh] }
metrics: { listen: /run/shunt/metrics.sock }
source: { envoy: { admin: "http://127.0.0.1:15000", interval: 1500ms } }
)",
                                          "t.yaml");
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto mesh = loaded->mesh;
    mesh.clusters.push_back({});  // as after Envoy was asked
    mesh.clusters.back().name = "from Envoy";
    expect_round_trip(mesh);
    const auto again = config::load_text(write_yaml(mesh, {}, ""), "t.yaml");
    ASSERT_TRUE(again->mesh.source);
    EXPECT_EQ(again->mesh.source->admin, "http://127.0.0.1:15000");
    EXPECT_EQ(again->mesh.source->interval.count(), 1500);
    EXPECT_EQ(again->mesh.metrics->path, "/run/shunt/metrics.sock");
}

TEST(WriteYaml, LongListsGetALineForEachItem) {
    std::vector<std::string> words{"-i", "10.0.0.0/8"};
    for (int i = 0; i < 200; ++i) words[1] += ",172.16." + std::to_string(i) + ".0/24";
    const auto imported = import_flags(words);
    ASSERT_TRUE(imported);
    const auto text = write_yaml(imported->mesh, imported->origins, "");
    EXPECT_NE(text.find("  includeOutboundIPRanges:  # -i\n    - 10.0.0.0/8\n"), std::string::npos) << text;
    EXPECT_EQ(config::load_text(text, "t.yaml")->mesh.capture.include_ranges.ranges.size(), 201u);
}

}  // namespace
}  // namespace shunt::test
