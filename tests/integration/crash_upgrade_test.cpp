// SPDX-License-Identifier: Apache-2.0
// A build with another map layout dies, or fails, while it takes an installation over: connections go to the proxy all
// the time and are told their destination, and the next start of either build, or an uninstall, finds its way.
#include <algorithm>
#include <filesystem>

#include "crash_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;

constexpr char kOther[] = SHUNT_OTHER_LAYOUT_BINARY;

class CrashUpgrade : public Crash {
protected:
    std::vector<std::string> planned(const std::string& binary) const {
        auto line = under_plan(run_words());
        std::replace(line.begin(), line.end(), shunt_binary(), binary);
        return line;
    }
    std::vector<std::string> layouts() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(sandbox_.pin_dir())) names.push_back(entry.path().filename());
        return names;
    }
    void await_one_layout() const {
        for (int look = 0; look < 6'000 && layouts().size() > 1; ++look) usleep(10'000);
        EXPECT_EQ(layouts().size(), 1u);
    }
    // Either build is the one to start next, so that the next trial is an upgrade or a downgrade; what is left of the
    // one that is not in force goes, as it does after its last connection.
    void go_on(std::size_t trial, const std::string& what) {
        if (trial % 2) std::swap(in_force_, challenger_);
        expect_green(what, in_force_);
        const auto status = nlohmann::json::parse(run_process(by_in_force({"status", "-o", "json"})).out);
        const fs::path used = status.at("pinDirectory").get<std::string>();
        for (const auto& name : layouts())
            if (name != used.filename()) fs::remove_all(sandbox_.pin_dir() + "/" + name);
    }
    std::vector<std::string> by_in_force(const std::vector<std::string>& rest) const {
        auto line = words(rest);
        line.front() = in_force_;
        return line;
    }

    std::string in_force_ = shunt_binary(), challenger_ = kOther;
};

TEST_F(CrashUpgrade, KilledAfterEachStep) {
    install(words(run_words()));
    const Watch watch(sandbox_.app(), watched());
    std::vector<Trial> todo{{}};  // the first one is not killed: its calls are recorded
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto trial = todo[i];
        arm(trial);
        Process next(planned(challenger_));
        const bool ready = next.says("ready");
        if (i == 0) {
            todo = trials(kKills, 10);
            todo.insert(todo.begin(), Trial{});
        }
        if (ready) next.signal(SIGTERM);
        expect_ending(trial, next.wait(), ready);
        EXPECT_EQ(fate(), "proxy") << to_text(trial);
        go_on(i, to_text(trial));
        watch.expect_no_escape(to_text(trial));
    }
    expect_uninstalled("at the end");
}

// One that fails leaves the other build's hooks with the other build's programs.
TEST_F(CrashUpgrade, EachCallFailsOnce) {
    install(words(run_words()));
    const Watch watch(sandbox_.app(), watched());
    std::vector<Trial> todo{{}};
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto trial = todo[i];
        const auto before = nlohmann::json::parse(run_process(by_in_force({"status", "-o", "json"})).out).at("links");
        arm(trial);
        Process next(planned(challenger_));
        const bool ready = next.says("ready");
        if (i == 0) {
            todo = trials(kFailures, 20);
            todo.insert(todo.begin(), Trial{});
        }
        if (ready) next.signal(SIGTERM);
        const auto ran = next.wait();
        const auto what = to_text(trial) + ": " + to_text(ran);
        expect_reached(trial);
        EXPECT_LT(ran.code, 128) << what;
        EXPECT_EQ(ran.code == 0, ready) << what;
        EXPECT_EQ(fate(), "proxy") << what;
        if (!ready) {
            const auto after = nlohmann::json::parse(run_process(by_in_force({"status", "-o", "json"})).out);
            EXPECT_EQ(after.at("links"), before) << what;
            EXPECT_EQ(after.at("state"), "protected") << what;
        }
        go_on(i, what);
        watch.expect_no_escape(what);
    }
    expect_uninstalled("at the end");
}

// The last step of an upgrade comes when the older build's last connection has been gone for a while.
TEST_F(CrashUpgrade, KilledWhileTheOldLayoutGoes) {
    std::vector<Trial> todo{{}};
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto trial = todo[i];
        install(words(run_words()));
        Process theirs(planned(kOther));
        ASSERT_TRUE(theirs.says("ready")) << theirs.err();
        const Watch watch(sandbox_.app(), watched());
        arm(trial);
        if (i == 0) {
            await_one_layout();
            todo = trials(kKills, 2);
            todo.insert(todo.begin(), Trial{});
            theirs.signal(SIGTERM);
        }
        expect_ending(trial, theirs.wait(), i == 0);
        EXPECT_EQ(fate(), "proxy") << to_text(trial);
        {
            const Process again(words(run_words()));
            ASSERT_TRUE(again.says("ready")) << to_text(trial) << ": " << again.err();
            await_one_layout();
        }
        watch.expect_no_escape(to_text(trial));
        expect_uninstalled(to_text(trial));
    }
}

}  // namespace
}  // namespace shunt::harness
