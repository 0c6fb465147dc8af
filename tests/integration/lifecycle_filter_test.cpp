// SPDX-License-Identifier: Apache-2.0
// The controller lives under the filter of packaging/shunt.service: whatever it calls beside that ends it.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;

// "SystemCallFilter=@system-service bpf" with the group's calls in its place.
std::string names_of_the_unit() {
    std::ifstream unit(SHUNT_SOURCE_DIR "/packaging/shunt.service");
    std::string names, line;
    while (std::getline(unit, line))
        if (line.starts_with("SystemCallFilter=")) names = line.substr(line.find('=') + 1);
    std::ifstream group(SHUNT_SOURCE_DIR "/tests/integration/system_service.txt");
    std::getline(group, line);  // where it is from
    std::string calls;
    while (std::getline(group, line)) calls += line + " ";
    const std::string name = "@system-service";
    EXPECT_NE(names.find(name), std::string::npos) << names;
    names.replace(names.find(name), name.size(), calls);
    EXPECT_EQ(names.find('@'), std::string::npos) << "a group that this test does not know: " << names;
    return names;
}

class LifecycleFilter : public Lifecycle {
protected:
    void TearDown() override { shunt({"uninstall", "--drain", "0"}); }

    std::vector<std::string> within(const std::vector<std::string>& rest) const {
        std::vector<std::string> line{"nsenter", "--net=" + sandbox_.client_netns()};
        line.insert(line.end(), rest.begin(), rest.end());
        return line;
    }
    std::vector<std::string> run_under(const std::string& names, const std::string& config) const {
        std::vector<std::string> line{SHUNT_UNDER_FILTER, names};
        const auto more = words({"run", "-c", config});
        line.insert(line.end(), more.begin(), more.end());
        return within(line);
    }
    static bool eventually(const std::function<bool()>& met) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        for (; std::chrono::steady_clock::now() < deadline; usleep(10'000))
            if (met()) return true;
        return false;
    }
    std::string socket() const { return sandbox_.directory() + "/metrics.sock"; }

    const ProbeProxy proxy_{sandbox_};
};

TEST_F(LifecycleFilter, TheUnitsCallsSuffice) {
    const auto directory = sandbox_.directory() + "/envoy";
    fs::create_directory(directory);
    fs::copy(SHUNT_SOURCE_DIR "/tests/fuzz/corpus/envoy/bookinfo.json", directory + "/config_dump");
    const Process envoy(
        within({"python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", directory, "15000"}));
    const auto follow =
        "watch: true\nsource: { envoy: { admin: \"http://localhost:15000\", interval: 100ms } }\n"
        "metrics: { listen: " +
        socket() + " }\n";
    const auto config = write("config.yaml", lifecycle_config("auto", follow, "/mesh/app"));
    Process controller(run_under(names_of_the_unit(), config));
    ASSERT_TRUE(controller.says("ready")) << controller.err();
    expect_proxied(sandbox_.app());
    const auto listeners = [&] { return shunt({"pc", "listeners", "--kernel"}).out; };
    EXPECT_TRUE(eventually([&] { return listeners().find("9080") != std::string::npos; })) << controller.err();
    const auto metrics =
        run_process({"curl", "-sS", "--fail", "--max-time", "60", "--unix-socket", socket(), "http://shunt/metrics"});
    EXPECT_EQ(metrics.code, 0) << to_text(metrics);

    const auto before = links().size();
    // By the file itself, by command, by signal; a new cgroup, larger tables, a proxy with a record lane.
    const ScratchCgroup late(sandbox_.root_cgroup() + "/late");
    std::string ports = "  excludeOutboundPorts: [";
    for (int port = 2000; port < 2500; ++port) ports += std::to_string(port) + ", ";
    write("config.yaml", lifecycle_config("record", ports + "22]\n" + follow, "/mesh/app, /mesh/late"));
    EXPECT_TRUE(eventually([&] { return links().size() > before; })) << controller.err();
    expect_proxied(in("late"));
    EXPECT_EQ(shunt({"reload"}).code, 0);
    const auto generation = status().at("generation").get<std::uint64_t>();
    controller.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return status().at("generation").get<std::uint64_t>() > generation; }));

    // What somebody takes away comes back.
    for (const auto& [pin, id] : links())
        if (pin.starts_with("shunt_connect4_")) {
            EXPECT_EQ(run_process({"bpftool", "link", "detach", "id", std::to_string(id)}).code, 0);
        }
    EXPECT_TRUE(eventually([&] { return shunt({"status"}).code == 0; })) << controller.err();
    controller.signal(SIGTERM);
    const auto ran = controller.wait();
    EXPECT_EQ(ran.code, 0) << to_text(ran);
}

TEST_F(LifecycleFilter, AnyOtherCallWouldBeSeen) {
    auto names = names_of_the_unit();
    const auto bpf = names.rfind("bpf");
    names.erase(bpf, 3);
    const auto ran = run_process(run_under(names, write("config.yaml", lifecycle_config())));
    EXPECT_EQ(ran.code, 128 + SIGSYS) << to_text(ran);
}

}  // namespace
}  // namespace shunt::harness
