// SPDX-License-Identifier: Apache-2.0
// Upgrade to another build, back, and there again. With the same map layout it takes over links and maps. With another
// layout nothing passes the proxy, connections of the one are answered beside the other, and what was left of a build
// goes with its last connection. The other builds are real: the same sources with another rule in their programs
// (other_code), or with a larger entry in shunt_socks (other_layout).
#include <algorithm>
#include <filesystem>
#include <list>
#include <memory>

#include "earlier_install.h"
#include "harness/watch.h"
#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;

class Upgrade : public Lifecycle {
protected:
    void TearDown() override { shunt({"uninstall", "--drain", "0"}); }

    std::vector<std::string> other(const std::vector<std::string>& rest,
                                   const std::string& binary = SHUNT_OTHER_LAYOUT_BINARY) const {
        auto line = words(rest);
        line.front() = binary;
        return line;
    }
    std::vector<std::string> run_words() const { return {"run", "-c", config_}; }
    std::vector<std::string> layouts() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(sandbox_.pin_dir())) names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }
    // The last connection of a layout has ended a moment ago.
    void expect_only(const std::string& layout) const {
        for (int look = 0; look < 6'000 && layouts().size() > 1; ++look) usleep(10'000);
        EXPECT_EQ(layouts(), std::vector{layout});
    }
    static void stop(Process& controller) {
        controller.signal(SIGTERM);
        const auto ran = controller.wait();
        EXPECT_EQ(ran.code, 0) << to_text(ran);
    }
    std::uint64_t runs() const {
        const auto ran = shunt({"counters", "-o", "json"});
        return ran.code == 0 ? nlohmann::json::parse(ran.out).at("runs").get<std::uint64_t>() : 0;
    }
    void expect_green(const std::vector<std::string>& command, const std::string& layout) const {
        const auto ran = run_process(command);
        EXPECT_EQ(ran.code, 0) << to_text(ran);
        EXPECT_NE(ran.out.find(layout), std::string::npos) << to_text(ran);
    }

    // Address lane, record lane and dictionary. Ports below those that the kernel chooses from, and each taken once
    // only.
    static std::vector<Batch> lanes(int first_port, std::uint32_t ports = 5) {
        return {{.destinations = {"203.0.113.9:80"}},
                {.destinations = {"[2001:db8:9::9]:80"}, .family = Family::kV6},
                {.destinations = {"203.0.113.9:80"},
                 .source = "0.0.0.0:" + std::to_string(first_port),
                 .source_ports = ports}};
    }

    const DirectServer server_{sandbox_, {9, 80}};
    const ProbeProxy proxy_{sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true, .hold = true}};
    const std::string config_ = write("config.yaml", lifecycle_config());
};

TEST_F(Upgrade, ThereAndBack) {
    auto ours = std::make_unique<Process>(words(run_words()));
    ASSERT_TRUE(ours->says("ready")) << ours->err();
    ASSERT_EQ(layouts().size(), 1u);
    const auto our_layout = layouts().front();

    std::list<Dialer> held, waiting;
    for (auto batch : lanes(20000)) {
        batch.hold = true;
        batch.count = 5;
        const auto result = held.emplace_back(sandbox_.app()).run(batch);
        EXPECT_EQ(result.ok, 5u) << to_text(result);
    }
    const auto check_held = [&](const std::string& when) {
        for (auto& dialer : held) {
            dialer.start_check_held();
            const auto result = dialer.wait();
            EXPECT_EQ(result.ok, 5u) << when << ": " << to_text(result);
        }
    };
    check_held("before");

    // These are connected, and accepted only after the upgrade.
    const auto runs_before = runs();
    proxy_.pause();
    for (const auto& batch : lanes(21000)) waiting.emplace_back(sandbox_.app()).start(batch);
    for (int look = 0; look < 6'000 && runs() < runs_before + 3; ++look) usleep(10'000);
    EXPECT_GE(runs(), runs_before + 3);

    stop(*ours);
    auto theirs = std::make_unique<Process>(other(run_words()));
    ASSERT_TRUE(theirs->says("ready")) << theirs->err();
    auto both = layouts();
    ASSERT_EQ(both.size(), 2u);
    both.erase(std::find(both.begin(), both.end(), our_layout));
    const auto their_layout = both.front();
    expect_green(other({"status"}), their_layout);
    proxy_.resume();
    for (auto& dialer : waiting) {
        const auto result = dialer.wait();
        EXPECT_EQ(result.ok, 1u) << to_text(result);
    }
    check_held("after the upgrade");
    for (const auto& batch : lanes(22000)) {
        const auto result = Dialer(sandbox_.app()).run(batch);
        EXPECT_EQ(result.ok, 1u) << to_text(result);
    }

    // The way back, while something of ours is left.
    stop(*theirs);
    ours = std::make_unique<Process>(words(run_words()));
    ASSERT_TRUE(ours->says("ready")) << ours->err();
    check_held("after the downgrade");
    expect_green(words({"status"}), our_layout);
    expect_only(our_layout);

    // And there again, under load.
    {
        std::list<Watch> watches;
        for (auto batch : lanes(23000, 9000)) {
            batch.count = 10;
            batch.reset = true;
            watches.emplace_back(sandbox_.app(), batch);
        }
        for (const auto& watch : watches) watch.expect_no_escape("before the upgrade under load");
        stop(*ours);
        theirs = std::make_unique<Process>(other(run_words()));
        ASSERT_TRUE(theirs->says("ready")) << theirs->err();
        for (const auto& watch : watches) watch.expect_no_escape("during the upgrade under load");
    }
    check_held("after the upgrade under load");
    EXPECT_EQ(layouts().size(), 2u) << "the old layout has live connections";
    for (auto& dialer : held) {
        dialer.start_close_held();
        dialer.wait();
    }
    expect_only(their_layout);
    expect_green(other({"status"}), their_layout);
    stop(*theirs);
}

// What an earlier build left, made from its own objects and tables, so that today's sources have no part in it.
TEST_F(Upgrade, FromAnEarlierBuild) {
    const auto their_layout = install_earlier(sandbox_.pin_dir(), sandbox_.root_cgroup());
    std::list<Dialer> held;
    for (auto batch : lanes(20000)) {
        batch.hold = true;
        batch.count = 5;
        const auto result = held.emplace_back(sandbox_.app()).run(batch);
        EXPECT_EQ(result.ok, 5u) << "the earlier build itself: " << to_text(result);
    }
    const Watch watch(sandbox_.app(), {.destinations = {"203.0.113.9:80"}, .count = 10, .reset = true});
    watch.expect_no_escape("before the upgrade");
    Process ours(words(run_words()));
    ASSERT_TRUE(ours.says("ready")) << ours.err();
    watch.expect_no_escape("during the upgrade");
    auto both = layouts();
    ASSERT_EQ(both.size(), 2u) << "the old layout has live connections";
    both.erase(std::find(both.begin(), both.end(), their_layout));
    expect_green(words({"status"}), both.front());
    for (auto& dialer : held) {
        dialer.start_check_held();
        const auto result = dialer.wait();
        EXPECT_EQ(result.ok, 5u) << "after the upgrade: " << to_text(result);
    }
    for (const auto& batch : lanes(22000)) {
        const auto result = Dialer(sandbox_.app()).run(batch);
        EXPECT_EQ(result.ok, 1u) << to_text(result);
    }
    for (auto& dialer : held) {
        dialer.start_close_held();
        dialer.wait();
    }
    expect_only(both.front());
    stop(ours);
}

// The other programs let connections to port 9 pass: that, and nothing else, tells which build's decide. Links and maps
// are the same ones, with what is counted in them.
TEST_F(Upgrade, SameLayoutThereAndBack) {
    auto running = std::make_unique<Process>(words(run_words()));
    ASSERT_TRUE(running->says("ready")) << running->err();
    const auto layout = layouts();
    const auto links_before = links();
    const auto maps = pinned_ids(sandbox_.pin_dir() + "/" + layout.front()).maps;
    const Watch watch(sandbox_.app(), {.destinations = {"203.0.113.9:80"}, .count = 10, .reset = true});
    const Watch watch6(sandbox_.app(),
                       {.destinations = {"[2001:db8:9::9]:80"}, .count = 10, .family = Family::kV6, .reset = true});
    const auto fate_of_port_9 = [&] {
        const auto outcome = dial(sandbox_.app(), {.destination = "203.0.113.9:9", .say_destination = true});
        return outcome.line.substr(0, outcome.line.find(' '));
    };
    EXPECT_EQ(fate_of_port_9(), "ok");
    auto counted = runs();
    for (const bool there : {true, false}) {
        SCOPED_TRACE(there ? "upgrade" : "downgrade");
        const auto programs = links("program");
        stop(*running);
        running = std::make_unique<Process>(there ? other(run_words(), SHUNT_OTHER_CODE_BINARY) : words(run_words()));
        ASSERT_TRUE(running->says("ready")) << running->err();
        EXPECT_EQ(fate_of_port_9(), there ? "direct" : "ok");
        EXPECT_EQ(layouts(), layout);
        EXPECT_EQ(links(), links_before);
        EXPECT_NE(links("program"), programs);
        const auto maps_now = pinned_ids(sandbox_.pin_dir() + "/" + layout.front()).maps;
        EXPECT_TRUE(std::includes(maps_now.begin(), maps_now.end(), maps.begin(), maps.end()));
        const auto counted_now = runs();
        EXPECT_GT(counted_now, counted);
        counted = counted_now;
        watch.expect_no_escape("IPv4");
        watch6.expect_no_escape("IPv6");
    }
    stop(*running);
}

// What a controller that died while it removed the old layout has left of it is no configuration to decide by, not for
// a moment.
TEST_F(Upgrade, OverWhatIsLeftOfItsOwn) {
    Process ours(words(run_words()));
    ASSERT_TRUE(ours.says("ready")) << ours.err();
    const auto left = sandbox_.pin_dir() + "/" + layouts().front();
    stop(ours);
    Process theirs(other(run_words()));
    ASSERT_TRUE(theirs.says("ready")) << theirs.err();
    stop(theirs);
    std::vector<fs::path> gone;
    for (const auto& entry : fs::directory_iterator(left))
        if (entry.path().filename() != "shunt_state") gone.push_back(entry.path());
    for (const auto& path : gone) fs::remove_all(path);
    const Watch watch(sandbox_.app(), {.destinations = {"203.0.113.9:80"}, .count = 10, .reset = true});
    Process again(words(run_words()));
    ASSERT_TRUE(again.says("ready")) << again.err();
    watch.expect_no_escape("over what was left");
    stop(again);
}

// What cannot be attached leaves the old build's hooks and programs as they were.
TEST_F(Upgrade, FailsWhole) {
    Process ours(words(run_words()));
    ASSERT_TRUE(ours.says("ready")) << ours.err();
    stop(ours);
    const auto before = links("program");
    const auto layout = layouts();
    // A new captured cgroup cannot be attached to below somebody who forbids it.
    const ScratchCgroup outside(sandbox_.root_cgroup() + "-outside"), inside(outside.path() + "/inside");
    const ForeignProgram foreign(outside.path(), 9, 0);
    write("config.yaml", lifecycle_config("auto", {}, "/mesh, " + inside.path()));
    Process theirs(other(run_words()));
    EXPECT_FALSE(theirs.says("ready"));
    const auto ran = theirs.wait();
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("is in the way"), std::string::npos) << to_text(ran);
    EXPECT_EQ(layouts(), layout) << to_text(ran);
    EXPECT_EQ(links("program"), before) << "the old programs are back in their links";
    const auto result = Dialer(sandbox_.app()).run(lanes(20000).front());
    EXPECT_EQ(result.ok, 1u) << to_text(result);
}

// Whichever build uninstalls, nothing of either is left.
TEST_F(Upgrade, UninstallTakesBoth) {
    Process ours(words(run_words()));
    ASSERT_TRUE(ours.says("ready")) << ours.err();
    Dialer holder(sandbox_.app());
    auto batch = lanes(20000).at(1);
    batch.hold = true;
    EXPECT_EQ(holder.run(batch).ok, 1u);
    stop(ours);
    Process theirs(other(run_words()));
    ASSERT_TRUE(theirs.says("ready")) << theirs.err();
    stop(theirs);
    ASSERT_EQ(layouts().size(), 2u);
    const auto ids = pinned_ids(sandbox_.pin_dir());
    const auto ran = shunt({"uninstall", "--drain", "0"});
    EXPECT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_FALSE(fs::exists(sandbox_.pin_dir()));
    EXPECT_TRUE(still_there(ids).programs.empty() && still_there(ids).maps.empty());
    expect_direct(sandbox_.app());
}

}  // namespace
}  // namespace shunt::harness
