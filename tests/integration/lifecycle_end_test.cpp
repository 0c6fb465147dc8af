// SPDX-License-Identifier: Apache-2.0
// The end of a controller leaves redirection; the end of redirection leaves nothing.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

using namespace std::chrono_literals;

class LifecycleEnd : public Lifecycle {
protected:
    const DirectServer server_{sandbox_, {80, 9080}};
    const ProbeProxy proxy_{sandbox_};
};

TEST_F(LifecycleEnd, SigtermLeavesRedirection) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto before = links();
    running.stop();
    EXPECT_NE(running.log().find("Redirection stays in place"), std::string::npos) << running.log();
    EXPECT_NE(running.log().find("shunt uninstall"), std::string::npos) << running.log();
    expect_proxied(sandbox_.app());
    const auto after = status();
    EXPECT_EQ(after.at("state"), "protected");
    EXPECT_EQ(after.at("controller").at("running"), false);
    EXPECT_EQ(links(), before);
}

TEST_F(LifecycleEnd, UninstallLeavesNothing) {
    RunningShunt running(sandbox_, lifecycle_config());
    expect_proxied(sandbox_.app());
    const auto refused = shunt({"uninstall", "--drain", "0"});
    EXPECT_EQ(refused.code, 1) << to_text(refused);
    EXPECT_NE(refused.err.find("a controller is running for " + sandbox_.pin_dir()), std::string::npos)
        << to_text(refused);
    EXPECT_EQ(status().at("state"), "protected");
    expect_proxied(sandbox_.app());

    // Before the end, a reload that replaces tables: maps of an earlier size must not survive either.
    std::string ports = "  excludeOutboundPorts: [";
    for (int port = 2000; port < 2200; ++port) ports += std::to_string(port) + ", ";
    running.reload(lifecycle_config("record", ports + "22]\n"));
    running.stop();
    const auto ids = pinned_ids(sandbox_.pin_dir());
    EXPECT_GE(ids.programs.size(), 10u);
    EXPECT_GE(ids.maps.size(), 15u);
    const auto alive = still_there(ids);
    EXPECT_EQ(alive.programs, ids.programs) << "ids name what is in the kernel";
    EXPECT_EQ(alive.maps, ids.maps);
    const auto ran = shunt({"uninstall", "--drain", "0", "-o", "json"});
    ASSERT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_EQ(nlohmann::json::parse(ran.out).at("wasInstalled"), true);
    const auto left = still_there(ids);
    EXPECT_TRUE(left.programs.empty());
    EXPECT_TRUE(left.maps.empty());
    EXPECT_FALSE(std::filesystem::exists(sandbox_.pin_dir()));
    EXPECT_EQ(run_process({"bpftool", "-j", "cgroup", "tree", sandbox_.root_cgroup()}).out.find("shunt_"),
              std::string::npos);
    expect_direct(sandbox_.app());

    const auto again = shunt({"uninstall", "--drain", "0", "-o", "json"});
    ASSERT_EQ(again.code, 0) << to_text(again);
    EXPECT_EQ(nlohmann::json::parse(again.out).at("wasInstalled"), false);
    EXPECT_EQ(status().at("state"), "not-installed");
}

// Connect hooks go first. What was redirected a moment ago and waits for accept() is still told its destination.
TEST_F(LifecycleEnd, ConnectFirstThenDrain) {
    for (const char* lane : {"auto", "record"}) {
        RunningShunt running(sandbox_, lifecycle_config(lane));
        running.stop();
        proxy_.pause();
        const Child waiting(sandbox_.app(), [](int control) {
            const Dial what{.destination = "203.0.113.9:80", .timeout_ms = 15000};
            const Fd fd(open_socket(what));
            const int error = connect_socket(fd.get(), what);
            send_text(control, "connected");
            send_text(control, talk(fd.get(), what, error).line);
        });
        ASSERT_EQ(receive_text(waiting.control()), "connected");
        Process uninstall(words({"uninstall", "--drain", "2"}));
        const auto has_connect = [this] {
            for (const auto& link : links())
                if (link.first.starts_with("shunt_connect")) return true;
            return false;
        };
        const auto deadline = std::chrono::steady_clock::now() + 3s;
        while (has_connect() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
        const auto during = links();
        EXPECT_FALSE(has_connect());
        EXPECT_TRUE(std::any_of(during.begin(), during.end(),
                                [](const auto& link) { return link.first.starts_with("shunt_origdst"); }));
        expect_direct(sandbox_.app());
        proxy_.resume();
        const auto line = receive_text(waiting.control());
        EXPECT_EQ(line.rfind("proxy 203.0.113.9:80 ", 0), 0u) << line;
        const auto ran = uninstall.wait();
        EXPECT_EQ(ran.code, 0) << to_text(ran);
    }
}

}  // namespace
}  // namespace shunt::harness
