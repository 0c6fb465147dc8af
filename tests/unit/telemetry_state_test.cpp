// SPDX-License-Identifier: Apache-2.0
#include "telemetry/install_state.h"

#include <gtest/gtest.h>

namespace shunt::telemetry {
namespace {

LinkState link(const std::string& type, bool attached = true, const std::string& cgroup = "/mesh") {
    LinkState state;
    state.pin = "pin_of_" + type;
    state.attach_type = type;
    state.cgroup = cgroup;
    state.attached = attached;
    return state;
}

Snapshot whole() {
    Snapshot snapshot;
    snapshot.installed = true;
    snapshot.generation = 3;
    snapshot.links = {link("cgroup_inet4_connect"), link("cgroup_inet6_connect"), link("cgroup_getsockopt"),
                      link("cgroup_inet4_getpeername")};
    return snapshot;
}

std::string state(const Snapshot& snapshot) { return to_string(judge(snapshot).state); }

TEST(State, NotInstalled) { EXPECT_EQ(state({}), "not-installed"); }

TEST(State, ProtectedWithOrWithoutAController) {
    EXPECT_EQ(state(whole()), "protected");
    EXPECT_TRUE(judge(whole()).why.empty());
    auto running = whole();
    running.controller_running = true;
    EXPECT_EQ(state(running), "protected");
}

TEST(State, UnprotectedWhereAConnectCanPass) {
    for (const std::size_t index : {0u, 1u}) {
        auto detached = whole();
        detached.links[index].attached = false;
        EXPECT_EQ(state(detached), "unprotected");
        ASSERT_FALSE(judge(detached).why.empty());
        EXPECT_NE(judge(detached).why[0].find("is detached"), std::string::npos);
        auto unpinned = whole();
        unpinned.links.erase(unpinned.links.begin() + static_cast<std::ptrdiff_t>(index));
        EXPECT_EQ(state(unpinned), "unprotected");
    }
    auto no_tables = whole();
    no_tables.generation = 0;
    EXPECT_EQ(state(no_tables), "unprotected");
    auto second_cgroup = whole();
    second_cgroup.links.push_back(link("cgroup_inet4_connect", true, "/other"));
    EXPECT_EQ(state(second_cgroup), "unprotected") << "/other has no connect6";
    auto removed = whole();
    removed.links.push_back(link("cgroup_inet4_connect", false, ""));
    EXPECT_EQ(state(removed), "unprotected");
    EXPECT_NE(judge(removed).why[0].find("its cgroup was removed"), std::string::npos);
}

// Without a controller, whose descriptors would keep them, links go with their pins.
TEST(State, UnprotectedWhereOtherHooksAreLeftOfACgroup) {
    auto both_gone = whole();
    both_gone.links.push_back(link("cgroup_inet4_bind", true, "/other"));
    EXPECT_EQ(state(both_gone), "unprotected");
    EXPECT_NE(judge(both_gone).why[0].find("cgroup /other has no cgroup_inet4_connect"), std::string::npos);
}

// Nothing is left of one of them; how many there were stands in the tables.
TEST(State, UnprotectedWhereAllHooksOfACgroupAreGone) {
    auto two = whole();
    two.captured = 2;
    EXPECT_EQ(state(two), "unprotected");
    EXPECT_NE(judge(two).why[0].find("of 2 captured cgroups 1 have no link"), std::string::npos);
    for (const auto& type : {"cgroup_inet4_connect", "cgroup_inet6_connect"}) {
        two.links.push_back(link(type, true, "/other"));
        two.links.back().cgroup_id = 7;
    }
    EXPECT_EQ(state(two), "protected");
}

TEST(State, AnotherProgramInALink) {
    auto connect = whole();
    connect.links[1].intruder = "somebody";
    EXPECT_EQ(state(connect), "unprotected");
    EXPECT_NE(judge(connect).why[0].find("runs another program, somebody"), std::string::npos);
    auto peername = whole();
    peername.links[3].intruder = "somebody";
    EXPECT_EQ(state(peername), "degraded");
}

TEST(State, DegradedWhereARedirectLacksSomething) {
    auto no_answer = whole();
    no_answer.links[2].attached = false;
    EXPECT_EQ(state(no_answer), "degraded");
    auto no_peername = whole();
    no_peername.links[3].attached = false;
    EXPECT_EQ(state(no_peername), "degraded");
}

}  // namespace
}  // namespace shunt::telemetry
