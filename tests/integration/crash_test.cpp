// SPDX-License-Identifier: Apache-2.0
// The controller dies after each step of install, restart, reload and uninstall, and each call of them fails once:
// connections are under the old rules or the new, and the next start or uninstall finds its way. By default one call of
// each kind and a few more by a printed seed; docs/testing.md says how to have all of them.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "crash_fixture.h"

namespace shunt::harness {
namespace {

// A reload waits for its verdict; anything else of a controller is awaited by what it says.
bool reloaded(const Process& controller) {
    for (int look = 0; look < 30'000; ++look, usleep(2'000)) {
        const auto said = controller.err();
        if (said.find("reloaded: generation") != std::string::npos) return true;
        if (said.find("stays in force") != std::string::npos) return false;
    }
    throw std::runtime_error("no verdict: " + controller.err());
}

TEST_F(Crash, KilledAfterEachStepOfInstall) {
    record();
    install(under_plan(run_words()));
    const auto todo = trials(kKills);
    expect_uninstalled("the recorded one");
    std::size_t number = 0;
    for (const auto& trial : todo) {
        arm(trial);
        Process controller(under_plan(run_words()));
        const bool ready = controller.says("ready");
        if (ready) controller.signal(SIGTERM);
        expect_ending(trial, controller.wait(), ready);
        expect_old_or_new(trial);
        if (++number % 2 == 0) install(words(run_words()));
        expect_uninstalled(to_text(trial));
    }
}

// A start over what is pinned: redirection is there all the time.
TEST_F(Crash, KilledAfterEachStepOfARestart) {
    install(words(run_words()));
    install(words(run_words()));  // and again: both banks have their maps
    record();
    install(under_plan(run_words()));
    const Watch watch(sandbox_.app(), watched());
    for (const auto& trial : trials(kKills)) {
        arm(trial);
        Process controller(under_plan(run_words()));
        const bool ready = controller.says("ready");
        if (ready) controller.signal(SIGTERM);
        expect_ending(trial, controller.wait(), ready);
        EXPECT_EQ(fate(), "proxy") << to_text(trial);
        watch.expect_no_escape(to_text(trial));
    }
    expect_green();
}

// Each time from a new installation, as a table is replaced by a larger one only once. The next start finds the tables
// of whoever died, whole or half made, and must bring its own rules in force all the same.
TEST_F(Crash, KilledAfterEachStepOfAReload) {
    std::vector<Trial> todo{{}};  // the first one is not killed: its calls are recorded
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto trial = todo[i];
        write("config.yaml", before());
        install(words(run_words()));  // and again: both banks have their maps
        record();
        Process controller(under_plan(run_words()));
        ASSERT_TRUE(controller.says("ready")) << controller.err();
        const Watch watch(sandbox_.app(), watched());
        write("config.yaml", after());
        arm(trial);
        controller.signal(SIGHUP);
        const bool done = controller.says("reloaded: generation");
        if (i == 0) {
            EXPECT_EQ(fate(), "direct") << controller.err();
            todo = trials(kKills);
            todo.insert(todo.begin(), Trial{});
        }
        if (done) controller.signal(SIGTERM);
        expect_ending(trial, controller.wait(), done);
        expect_old_or_new(trial);
        write("config.yaml", before());
        expect_green(to_text(trial));
        watch.expect_no_escape(to_text(trial));
        expect_uninstalled(to_text(trial));
    }
}

TEST_F(Crash, KilledAfterEachStepOfUninstall) {
    install(words(run_words()));
    for (const auto& trial : trials_of_uninstall(kKills)) {
        install(words(run_words()));
        arm(trial);
        const auto ran = run_process(under_plan({"uninstall", "--drain", "0"}));
        expect_ending(trial, ran, ran.code == 0);
        expect_old_or_new(trial);
        expect_uninstalled(to_text(trial));
    }
}

// Whatever fails, a start either succeeds without it or leaves nothing behind.
TEST_F(Crash, EachCallOfInstallFailsOnce) {
    record();
    install(under_plan(run_words()));
    const auto todo = trials(kFailures);
    expect_uninstalled("the recorded one");
    for (const auto& trial : todo) {
        arm(trial);
        Process controller(under_plan(run_words()));
        const bool ready = controller.says("ready");
        if (ready) controller.signal(SIGTERM);
        const auto ran = controller.wait();
        const auto what = to_text(trial) + ": " + to_text(ran);
        expect_reached(trial);
        EXPECT_EQ(fate(), ready ? "proxy" : "direct") << what;
        if (!ready) {
            EXPECT_TRUE(ran.code > 0 && ran.code < 128) << what;
            EXPECT_FALSE(std::filesystem::exists(sandbox_.pin_dir())) << what;
        }
        expect_uninstalled(what);
    }
}

// A start that fails leaves what an earlier one has installed as it is.
TEST_F(Crash, EachCallOfARestartFailsOnce) {
    install(words(run_words()));
    install(words(run_words()));
    record();
    install(under_plan(run_words()));
    const auto todo = trials(kFailures);
    const Watch watch(sandbox_.app(), watched());
    for (const auto& trial : todo) {
        arm(trial);
        Process controller(under_plan(run_words()));
        const bool ready = controller.says("ready");
        if (ready) controller.signal(SIGTERM);
        const auto ran = controller.wait();
        const auto what = to_text(trial) + ": " + to_text(ran);
        expect_reached(trial);
        EXPECT_LT(ran.code, 128) << what;
        EXPECT_EQ(fate(), "proxy") << what;
        watch.expect_no_escape(what);
    }
    expect_green();
}

// What the controller says is in force is what connections find.
TEST_F(Crash, EachCallOfAReloadFailsOnce) {
    std::vector<Trial> todo{{}};
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto trial = todo[i];
        write("config.yaml", before());
        install(words(run_words()));
        record();
        Process controller(under_plan(run_words()));
        ASSERT_TRUE(controller.says("ready")) << controller.err();
        const Watch watch(sandbox_.app(), watched());
        write("config.yaml", after());
        arm(trial);
        controller.signal(SIGHUP);
        const bool done = reloaded(controller);
        if (i == 0) {
            todo = trials(kFailures);
            todo.insert(todo.begin(), Trial{});
        }
        expect_reached(trial);
        const auto what = to_text(trial) + ": " + controller.err();
        EXPECT_EQ(fate(), done ? "direct" : "proxy") << what;
        if (!done) {
            controller.signal(SIGHUP);
            ASSERT_TRUE(controller.says("reloaded: generation")) << what;
            EXPECT_EQ(fate(), "direct") << what;
        }
        expect_captured_only_where_wanted(what);
        watch.expect_no_escape(what);
        controller.signal(SIGTERM);
        controller.wait();
        expect_uninstalled(what);
    }
}

// An uninstall that fails says so, and the next one is done with the rest.
TEST_F(Crash, EachCallOfUninstallFailsOnce) {
    install(words(run_words()));
    for (const auto& trial : trials_of_uninstall(kFailures)) {
        install(words(run_words()));
        arm(trial);
        const auto ran = run_process(under_plan({"uninstall", "--drain", "0"}));
        const auto what = to_text(trial) + ": " + to_text(ran);
        expect_reached(trial);
        if (ran.code == 0) {
            EXPECT_FALSE(std::filesystem::exists(sandbox_.pin_dir())) << what;
            EXPECT_EQ(fate(), "direct") << what;
        } else {
            EXPECT_TRUE(ran.code == 1 || (ran.code == 5 && trial.error == EPERM)) << what;
            EXPECT_NE(ran.err.find(error_name(trial.error)), std::string::npos) << what;
            expect_old_or_new(trial);
        }
        expect_uninstalled(what);
    }
}

}  // namespace
}  // namespace shunt::harness
