// SPDX-License-Identifier: Apache-2.0
// One configuration after another: the same tables as alone, and only what has changed is made, compared and written.
#include <gtest/gtest.h>

#include <string>

#include "config/loader.h"
#include "policy/balancing.h"
#include "sync/table_io.h"

namespace shunt::policy {
namespace {

constexpr int kClusters = 1000, kEach = 10;

model::Mesh large_mesh() {
    std::string text =
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\ncapture: { cgroups: [/mesh], "
        "excludeOutboundPorts: [22] }\n"
        "scopes: [{ cgroups: [/mesh/a], listeners: [{ name: l1, port: 9, cluster: c1 }] }]\nlisteners:\n";
    for (int i = 0; i < kClusters; ++i)
        text += "  - { name: l" + std::to_string(i) + ", port: " + std::to_string(1000 + i) +
                ", direct: true, cluster: c" + std::to_string(i) + " }\n";
    text += "clusters:\n";
    for (int i = 0; i < kClusters; ++i) {
        text += "  - name: c" + std::to_string(i) + "\n    endpoints:\n";
        for (int j = 0; j < kEach; ++j)
            text += "      - { address: 10.0." + std::to_string(i % 250) + "." + std::to_string(j + 1) + ":80 }\n";
    }
    auto loaded = config::load_text(text, "test.yaml");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return loaded->mesh;
}

struct Delta {
    std::size_t changed = 0, compared = 0;
};

Delta delta(const Tables& before, const Tables& after) {
    Delta sum;
    for_each_table([&](const char*, auto member) {
        const auto found = sync::difference(before.*member, after.*member);
        sum.changed += found.size();
        sum.compared += found.compared;
    });
    return sum;
}

class OneAfterAnother : public testing::Test {
protected:
    // What the compiler makes of the mesh now, against what it made last; and the same as of a mesh that it never saw.
    Delta changed() {
        const auto before = now_;
        now_ = compiler_.compile(mesh_, offline(mesh_));
        const auto alone = compile(mesh_, offline(mesh_));
        EXPECT_EQ(delta(alone, now_).changed, 0u);
        EXPECT_EQ(entries(alone), entries(now_));
        EXPECT_EQ(std::memcmp(&alone.bank, &now_.bank, sizeof alone.bank), 0);
        return delta(before, now_);
    }

    model::Mesh mesh_ = large_mesh();
    Compiler compiler_;
    Tables now_ = compiler_.compile(mesh_, offline(mesh_));
};

TEST_F(OneAfterAnother, WhatIsTheSameIsNotLookedAt) {
    const auto none = changed();
    EXPECT_EQ(none.changed, 0u);
    EXPECT_EQ(none.compared, 0u);
}

TEST_F(OneAfterAnother, OneEndpointCostsItsBlock) {
    mesh_.clusters[500].endpoints[5].address.port = 81;
    const auto one = changed();
    EXPECT_EQ(one.changed, 1u);
    // Of 12,000 entries; there are 1024 blocks, and some hold several clusters.
    EXPECT_GE(one.compared, 1u * kEach);
    EXPECT_LE(one.compared, 10u * kEach);
}

TEST_F(OneAfterAnother, EndpointsComeAndGo) {
    auto& endpoints = mesh_.clusters[7].endpoints;
    endpoints.push_back(endpoints.front());
    EXPECT_EQ(changed().changed, 2u) << "the endpoint, and how many there are";
    endpoints.pop_back();
    endpoints[3].health = model::Health::kUnhealthy;
    EXPECT_EQ(changed().changed, 9u) << "3 to 8 moved up, 9 and 10 are gone, and how many there are";
    mesh_.clusters[8].endpoints.clear();
    EXPECT_EQ(changed().changed, 1u + kEach);
    endpoints = std::vector(700, model::Endpoint(endpoints.front()));
    EXPECT_EQ(changed().changed, 1u + 699)
        << "the first is the same; more than 256 lie in another order than they come";
    endpoints[650].address.address = base::Address::v4(0x0a090909);
    EXPECT_EQ(changed().changed, 1u);
}

TEST_F(OneAfterAnother, ClustersAndListenersComeGoAndChangePlaces) {
    auto added = mesh_.clusters.front();
    added.name = "another";
    mesh_.clusters.insert(mesh_.clusters.begin() + 3, added);
    EXPECT_EQ(changed().changed, 1u + kEach);
    std::swap(mesh_.clusters[10], mesh_.clusters[990]);
    std::swap(mesh_.listeners[10], mesh_.listeners[990]);
    EXPECT_EQ(changed().changed, 0u);
    mesh_.clusters.erase(mesh_.clusters.begin() + 3);
    mesh_.listeners.erase(mesh_.listeners.begin() + 10);
    EXPECT_EQ(changed().changed, 1u + 1 + kEach);
    mesh_.listeners[20].cluster = "c1";
    EXPECT_EQ(changed().changed, 1u);
    mesh_.listeners[20].name = "renamed";
    EXPECT_EQ(changed().changed, 1u);
    mesh_.scopes[0].listeners->front().name = "renamed";
    EXPECT_EQ(changed().changed, 1u);
    mesh_.clusters.clear();
    mesh_.listeners.clear();
    changed();
    mesh_ = large_mesh();
    changed();
}

}  // namespace
}  // namespace shunt::policy
