// SPDX-License-Identifier: Apache-2.0
// A running controller that follows its file (watch) and a real Envoy (source).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "harness/shunt.h"
#include "importer/sidecar_envoy.h"

namespace shunt::importer_test {
namespace {

namespace fs = std::filesystem;
using harness::RunningShunt;
using nlohmann::json;

std::string config(const std::string& more) {
    return "proxy:\n  listen: 0.0.0.0:15001\n  identity: { cgroup: /mesh/proxy }\ncapture:\n  cgroups: [/mesh]\n" +
           more;
}

class Follow : public testing::Test {
protected:
    static bool eventually(const std::function<bool()>& met) {
        for (int i = 0; i < 150; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(100)))
            if (met()) return true;
        return false;
    }
    static json explain(const RunningShunt& running, const std::string& destination) {
        return json::parse(running.command({"explain", "--kernel", "-o", "json", destination}));
    }
    static std::string reason(const RunningShunt& running, const std::string& destination) {
        return explain(running, destination)["reason"];
    }
    static std::size_t count(const std::string& text, const std::string& word) {
        std::size_t found = 0;
        for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++found;
        return found;
    }
    // As a ConfigMap's volume: config.yaml -> ..data/config.yaml, ..data -> ..VERSION, swapped by rename.
    void publish(const std::string& version, const std::string& text) const {
        const fs::path directory = sandbox_.directory();
        fs::create_directory(directory / (".." + version));
        std::ofstream(directory / (".." + version) / "config.yaml") << sandbox_.localise(text);
        fs::remove(directory / "..data_tmp");
        fs::create_symlink(".." + version, directory / "..data_tmp");
        fs::rename(directory / "..data_tmp", directory / "..data");
    }

    harness::Sandbox sandbox_;
};

TEST_F(Follow, TheFileThroughTheLinksOfAConfigMap) {
    RunningShunt running(sandbox_, config("watch: true\n"));
    const std::string with = config("  excludeOutboundPorts: [80]\nwatch: true\n"), without = config("watch: true\n");
    publish("1", without);
    const fs::path path = running.config_path();
    fs::create_symlink("..data/config.yaml", path.string() + ".link");
    fs::rename(path.string() + ".link", path);
    EXPECT_NE(reason(running, "198.51.100.1:80"), "excluded_port");
    publish("2", with);
    EXPECT_TRUE(eventually([&] { return reason(running, "198.51.100.1:80") == "excluded_port"; })) << running.log();

    publish("3", config("  exludeOutboundPorts: [80]\nwatch: true\n"));
    EXPECT_TRUE(eventually([&] { return running.log().find("exludeOutboundPorts") != std::string::npos; }));
    EXPECT_EQ(reason(running, "198.51.100.1:80"), "excluded_port");
    publish("4", without);
    EXPECT_TRUE(eventually([&] { return reason(running, "198.51.100.1:80") != "excluded_port"; })) << running.log();
}

// A hundred swaps a second, each third version being broken: bounded work, one report, the last version wins.
TEST_F(Follow, AConfigMapThatFlips) {
    RunningShunt running(sandbox_, config("watch: true\n"));
    const fs::path path = running.config_path();
    publish("0", config("watch: true\n"));
    fs::create_symlink("..data/config.yaml", path.string() + ".link");
    fs::rename(path.string() + ".link", path);
    const auto flipped = std::chrono::steady_clock::now();
    for (int i = 1; i <= 300; ++i) {
        publish(std::to_string(i % 3),
                i % 3 == 0 ? config("broken: true\nwatch: true\n")
                           : config("  excludeOutboundPorts: [" + std::to_string(i % 3) + "]\nwatch: true\n"));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        if (i % 50 == 0) {
            EXPECT_EQ(reason(running, "198.51.100.1:444"), "unmatched") << "captured all the while";
        }
    }
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - flipped).count();
    publish("last", config("  excludeOutboundPorts: [443]\nwatch: true\n"));
    EXPECT_TRUE(eventually([&] { return reason(running, "198.51.100.1:443") == "excluded_port"; })) << running.log();
    EXPECT_LE(count(running.log(), "reload refused"), 1u) << "the same bad version is reported once\n" << running.log();
    EXPECT_LE(count(running.log(), "has changed"), static_cast<std::size_t>(seconds) + 3) << running.log();
}

TEST_F(Follow, ARealEnvoy) {
    const harness::Fd home(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    harness::enter({.netns = sandbox_.client_netns()});  // the controller starts where Envoy's loopback is
    {
        RunningShunt running(sandbox_,
                             config("source: { envoy: { admin: \"http://127.0.0.1:15000\", interval: 100ms } }\n"
                                    "outboundTrafficPolicy: { enforcedBy: kernel }\n"));
        // Nothing is known yet, so the proxy decides.
        EXPECT_EQ(explain(running, "198.51.100.77:7777")["verdict"], "redirect");
        EXPECT_NE(running.log().find("until it answers, everything captured goes to the proxy"), std::string::npos);

        std::optional<SidecarEnvoy> envoy(std::in_place, sandbox_, "PassthroughCluster");
        EXPECT_TRUE(eventually([&] { return reason(running, "198.51.100.6:9080") == "port_listener"; }))
            << running.log();
        EXPECT_EQ(reason(running, "198.51.100.33:3306"), "listener");
        EXPECT_EQ(explain(running, "198.51.100.77:7777")["verdict"], "bypass") << "ALLOW_ANY, by the kernel";
        const auto quiet = count(running.log(), "reloaded:");

        envoy->edit("lds.yaml", "port_value: 3306", "port_value: 3307");
        EXPECT_TRUE(eventually([&] { return reason(running, "198.51.100.33:3307") == "listener"; })) << running.log();
        EXPECT_NE(reason(running, "198.51.100.33:3306"), "listener");
        EXPECT_GT(count(running.log(), "reloaded:"), quiet);

        envoy->kill();
        // A request under way may have been cut off first, which is a line of its own.
        EXPECT_TRUE(eventually([&] {
            return count(running.log(), "nobody listens there; what is in force stays") == 2;
        })) << running.log();
        const auto said = count(running.log(), "what is in force stays");
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        EXPECT_EQ(count(running.log(), "what is in force stays"), said) << "said once, however often it fails";
        EXPECT_EQ(reason(running, "198.51.100.6:9080"), "port_listener") << "the last good one stays";
    }
    setns(home.get(), CLONE_NEWNET);
}

}  // namespace
}  // namespace shunt::importer_test
