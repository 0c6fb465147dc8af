// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "diagnose/checks.h"

namespace shunt::diagnose {
namespace {

telemetry::LinkState link(const std::string& program, bool attached = true) {
    telemetry::LinkState state;
    state.pin = program + "_42";
    state.cgroup = "/mesh";
    state.link_id = 7;
    state.attached = attached;
    return state;
}

class Installed : public testing::Test {
protected:
    Installed() : subject_{options_, {}, {}, {}, {}} {
        subject_.snapshot.installed = subject_.snapshot.controller_running = true;
        subject_.snapshot.generation = 3;
        for (const char* program : {"shunt_connect4", "shunt_connect6"}) {
            subject_.snapshot.links.push_back(link(program));
            subject_.links.push_back({std::string(program) + "_42", std::string(program) + " on /mesh"});
        }
    }
    Findings links() const {
        Findings findings;
        check_links(subject_, findings);
        return findings;
    }
    Findings installation() const {
        Findings findings;
        check_installation(subject_, findings);
        return findings;
    }

    Options options_;
    Subject subject_;
};

TEST(Findings, WorstDecides) {
    EXPECT_EQ(worst({}), State::kOk);
    EXPECT_EQ(worst({{"a", State::kInfo, "", ""}, {"b", State::kOk, "", ""}}), State::kInfo);
    EXPECT_EQ(worst({{"a", State::kBroken, "", ""}, {"b", State::kWarn, "", ""}}), State::kBroken);
    EXPECT_EQ(to_string(State::kBroken), "broken");
}

TEST_F(Installed, Whole) {
    EXPECT_EQ(worst(links()), State::kOk);
    EXPECT_EQ(worst(installation()), State::kOk);
}

TEST_F(Installed, DetachedLinkHasARemedy) {
    subject_.snapshot.links[0].attached = false;
    const auto found = links();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].state, State::kBroken);
    EXPECT_EQ(found[0].detail, "shunt_connect4 on /mesh: link 7 was detached behind the controller's back");
    EXPECT_NE(found[0].remedy.find("restart 'shunt run'"), std::string::npos);
    subject_.snapshot.links[0].cgroup.clear();
    EXPECT_NE(links()[0].detail.find("its cgroup was removed"), std::string::npos);
}

TEST_F(Installed, MissingPin) {
    subject_.snapshot.links.pop_back();
    EXPECT_NE(links()[0].detail.find("there is no pin shunt_connect6_42"), std::string::npos);
    subject_.snapshot.links.clear();
    subject_.links.clear();
    EXPECT_EQ(worst(links()), State::kBroken) << "nothing attached is never right";
}

TEST_F(Installed, NoControllerIsAWarning) {
    subject_.snapshot.controller_running = false;
    EXPECT_EQ(worst(installation()), State::kWarn);
    subject_.snapshot.generation = 0;
    EXPECT_EQ(worst(installation()), State::kBroken);
}

TEST_F(Installed, NothingInstalledIsBrokenOnlyWhereAConfigurationSaysOtherwise) {
    subject_.snapshot.installed = false;
    EXPECT_EQ(worst(installation()), State::kInfo);
    options_.mesh.emplace();
    EXPECT_EQ(worst(installation()), State::kBroken);
    EXPECT_TRUE(links().empty()) << "one word about it is enough";
}

}  // namespace
}  // namespace shunt::diagnose
