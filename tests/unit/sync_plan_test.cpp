// SPDX-License-Identifier: Apache-2.0
// Which program goes where, and in which order.
#include "sync/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/loader.h"

namespace shunt::sync {
namespace {

const kernel::Cgroup kApp{"/cg/mesh/app", 11, 2};
const kernel::Cgroup kInnerProxy{"/cg/mesh/app/proxy", 12, 3};
const kernel::Cgroup kOuterProxy{"/cg/mesh/proxy", 13, 2};

model::Mesh mesh(const std::string& proxy, const std::string& capture = "") {
    auto loaded = config::load_text(
        "proxy: { " + proxy + " }\ncapture: { cgroups: [/mesh/app]" + (capture.empty() ? "" : ", " + capture) + " }\n",
        "test.yaml");
    if (!loaded) {
        ADD_FAILURE() << loaded.error().message;
        return {};
    }
    return loaded->mesh;
}

std::vector<std::string> on(const std::vector<Attachment>& attachments, const kernel::Cgroup& cgroup) {
    std::vector<std::string> names;
    for (const auto& attachment : attachments)
        if (attachment.cgroup.id == cgroup.id) names.push_back(attachment.program);
    return names;
}

bool has(const std::vector<std::string>& names, const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

TEST(Plan, ConnectComesLast) {
    const auto attachments = plan(mesh("listen: [0.0.0.0:15001, '[::]:15001']"), {{kApp}, {}, kOuterProxy});
    ASSERT_GT(attachments.size(), 2u);
    EXPECT_TRUE(is_connect(attachments.back().program));
    EXPECT_TRUE(is_connect(attachments[attachments.size() - 2].program));
    EXPECT_EQ(attachments.front().program, "shunt_origdst");
}

TEST(Plan, SockopsOnlyWhereARecordCanOccur) {
    EXPECT_FALSE(needs_record_lane(mesh("listen: 0.0.0.0:15001")));
    EXPECT_TRUE(needs_record_lane(mesh("listen: 0.0.0.0:15001, lane: record")));
    EXPECT_TRUE(needs_record_lane(mesh("listen: 127.0.0.1:15001")));
    EXPECT_TRUE(needs_record_lane(mesh("listen: [0.0.0.0:15001, '[::]:15001']")));
    EXPECT_FALSE(needs_record_lane(mesh("listen: [0.0.0.0:15001, '[::]:15001']", "ipv6: bypass")));
    EXPECT_FALSE(has(on(plan(mesh("listen: 0.0.0.0:15001"), {{kApp}, {}, kOuterProxy}), kApp), "shunt_sockops"));
}

TEST(Plan, OriginalDestinationIsAnsweredInTheProxysCgroupWhereItIsKnown) {
    const auto known = plan(mesh("listen: 0.0.0.0:15001"), {{kApp}, {}, kOuterProxy});
    EXPECT_FALSE(has(on(known, kApp), "shunt_origdst"));
    EXPECT_TRUE(has(on(known, kOuterProxy), "shunt_origdst"));
    const auto unknown = plan(mesh("listen: 0.0.0.0:15001"), {{kApp}, {}, std::nullopt});
    EXPECT_TRUE(has(on(unknown, kApp), "shunt_origdst"));
}

TEST(Plan, NoProgramRunsTwiceForAProxyBelowTheCapturedCgroup) {
    const auto attachments =
        plan(mesh("listen: 0.0.0.0:15001, lane: record", "clientAddress: [192.0.2.1]"), {{kApp}, {}, kInnerProxy});
    EXPECT_EQ(on(attachments, kInnerProxy), std::vector<std::string>{"shunt_origdst"});
    const auto outside =
        on(plan(mesh("listen: 0.0.0.0:15001, lane: record", "clientAddress: [192.0.2.1]"), {{kApp}, {}, kOuterProxy}),
           kOuterProxy);
    EXPECT_TRUE(has(outside, "shunt_sockops") && has(outside, "shunt_peername4") && !has(outside, "shunt_connect4"));
}

TEST(Plan, EveryProgramHasItsPlaceOnce) {
    std::set<int> places;
    for (const auto* name : kProgramOrder) places.insert(order_of(name));
    EXPECT_EQ(places.size(), kProgramOrder.size());
    EXPECT_EQ(order_of("shunt_nothing"), -1);
}

}  // namespace
}  // namespace shunt::sync
