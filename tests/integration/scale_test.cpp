// SPDX-License-Identifier: Apache-2.0
// Sizes that nobody configures by hand: table capacity follows the configuration, and memory stays bounded. Times are
// recorded in docs/benchmark.md, not judged here.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "harness/scale.h"
#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

constexpr long kMiB = 1024;  // in the kernel's KiB
constexpr long kSmall = 30 * kMiB, kLarge = 60 * kMiB;

class Scale : public Lifecycle {
protected:
    static std::string address(int network, int i) {
        return std::to_string(network) + "." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
               std::to_string(i & 255);
    }
    // Resident memory of a process, KiB, once it is at most `wanted`; what it is after 5 s otherwise. What was needed
    // to read a configuration is given back a moment after that is in force.
    static long settled(pid_t pid, long wanted) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (resident(pid) > wanted && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return resident(pid);
    }
    static long resident(pid_t pid) {
        std::ifstream status("/proc/" + std::to_string(pid) + "/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
        throw std::runtime_error("no VmRSS of process " + std::to_string(pid));
    }
    static std::string endpoints(int clusters, int each) {
        std::string text = "listeners:\n";
        for (int i = 0; i < clusters; ++i)
            text += "  - { name: l" + std::to_string(i) + ", address: " + address(10, i + 1) +
                    ", port: 3306, direct: true, cluster: c" + std::to_string(i) + " }\n";
        text += "clusters:\n";
        for (int i = 0; i < clusters; ++i) {
            text += "  - name: c" + std::to_string(i) + "\n    type: EDS\n    endpoints:\n";
            for (int j = 0; j < each; ++j)
                text += "      - { address: " + address(11, i * each + j + 1) + ":8080, weight: 1 }\n";
        }
        return text;
    }
};

// One more than a million ranges: no table has a ceiling below. The first and the last are found. A guest of vmtest
// takes fewer: old kernels take them one by one.
TEST_F(Scale, AMillionRanges) {
    const int kRanges = static_cast<int>(scaled(1'000'000, 1000)) + 1;
    const DirectServer server(sandbox_, {80});
    const ProbeProxy proxy(sandbox_);
    RunningShunt running(sandbox_, lifecycle_config());
    std::string config =
        "proxy: { listen: [0.0.0.0:15001, \"[::]:15001\"], identity: { cgroup: /mesh/proxy } }\n"
        "capture:\n  cgroups: [/mesh]\n  excludeOutboundIPRanges:\n  - 203.0.113.9/32\n";
    for (int i = 1; i < kRanges; ++i) config += "  - " + address(11, i) + "/32\n";
    running.write_config(config);
    const auto ran = shunt({"reload", "-o", "json"});
    ASSERT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_GE(nlohmann::json::parse(ran.out).at("entries").get<long>(), kRanges);
    expect_direct(sandbox_.app());
    expect_proxied(sandbox_.app(), "203.0.113.10:80");
    const auto last = address(11, kRanges - 1);
    const auto told = shunt({"explain", "--kernel", "--uid", "1000", "-o", "json", last + ":80"});
    ASSERT_EQ(told.code, 0) << to_text(told);
    EXPECT_EQ(nlohmann::json::parse(told.out).at("reason"), "excluded_cidr") << last;
    running.write_config(lifecycle_config());
    ASSERT_EQ(shunt({"reload"}).code, 0);
    expect_proxied(sandbox_.app());
    const auto after = settled(running.pid(), kLarge);
    RecordProperty("resident_kib_after", std::to_string(after));
    EXPECT_LE(after, kLarge) << "what a large configuration took is given back";
}

TEST_F(Scale, ResidentMemory) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto small = settled(running.pid(), kSmall);
    RecordProperty("resident_kib_small", std::to_string(small));
    EXPECT_LE(small, kSmall);
    running.write_config(lifecycle_config() + endpoints(1000, 100));
    const auto ran = shunt({"reload", "-o", "json"});
    ASSERT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_GE(nlohmann::json::parse(ran.out).at("entries").get<long>(), 100'000);
    const auto reloaded = settled(running.pid(), kLarge);
    RecordProperty("resident_kib_after_reload", std::to_string(reloaded));
    EXPECT_LE(reloaded, kLarge);
    running.stop();
    running.start();
    const auto started = settled(running.pid(), kLarge);
    RecordProperty("resident_kib_after_start", std::to_string(started));
    EXPECT_LE(started, kLarge);
}

// A config_dump of 100 MB: every endpoint is in what is printed, and memory is that of the mesh, not of the dump.
TEST_F(Scale, AHundredMegabyteDump) {
    constexpr int kClusters = 4000, kEach = 25;
    const auto path = sandbox_.directory() + "/dump.json";
    {
        std::ofstream out(path);
        const std::string type = R"({"@type": "type.googleapis.com/envoy.admin.v3.)";
        out << R"({"configs": [)" << type << R"(ClustersConfigDump", "dynamic_active_clusters": [)";
        // What Istio adds to each and shunt does not read is the bulk of a dump.
        const std::string metadata =
            R"("metadata": {"filter_metadata": {"istio": {"note": ")" + std::string(8000, 'm') + R"("}}})";
        for (int i = 0; i < kClusters; ++i)
            out << (i == 0 ? "" : ",") << R"({"version_info": "1", "cluster": {"name": "outbound|80||s)" << i
                << R"(.default.svc.cluster.local", "type": "EDS", )" << metadata << "}}";
        out << "]}, " << type << R"(EndpointsConfigDump", "dynamic_endpoint_configs": [)";
        for (int i = 0; i < kClusters; ++i) {
            out << (i == 0 ? "" : ",") << R"({"endpoint_config": {"cluster_name": "outbound|80||s)" << i
                << R"(.default.svc.cluster.local", "endpoints": [{"lb_endpoints": [)";
            for (int j = 0; j < kEach; ++j)
                out << (j == 0 ? "" : ",")
                    << R"({"health_status": "HEALTHY", "load_balancing_weight": 1, "metadata": {"filter_metadata": {"x": ")"
                    << std::string(500, 'e') << R"("}}, "endpoint": {"address": {"socket_address": {"address": ")"
                    << address(11, i * kEach + j + 1) << R"(", "port_value": 8080}}}})";
            out << "]}]}}";
        }
        out << "]}, " << type << R"(ListenersConfigDump", "dynamic_listeners": [{"name": "virtualOutbound", )"
            << R"("active_state": {"listener": {"name": "virtualOutbound", "use_original_dst": true, "address": )"
            << R"({"socket_address": {"address": "0.0.0.0", "port_value": 15001}}}}}]}]})";
        ASSERT_GE(out.tellp(), 100'000'000);
    }
    const auto out = sandbox_.directory() + "/imported.yaml";
    const pid_t pid = check(fork(), "fork");
    if (pid == 0) {
        if (std::freopen(out.c_str(), "w", stdout) == nullptr) _exit(126);
        execl(shunt_binary().c_str(), "shunt", "import", "envoy", "--cgroup", "/mesh", path.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    rusage used{};
    check(wait4(pid, &status, 0, &used), "wait4");
    ASSERT_EQ(status, 0);
    RecordProperty("import_peak_kib", std::to_string(used.ru_maxrss));
    RecordProperty("import_cpu_ms", std::to_string((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                                                   (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000));
    EXPECT_LE(used.ru_maxrss, 200 * kMiB) << "of a dump of 100 MB; a tree of it would be several times as large";
    std::ifstream imported(out);
    int found = 0;
    for (std::string line; std::getline(imported, line);) found += line.find("address: 11.") != std::string::npos;
    EXPECT_EQ(found, kClusters * kEach);
}

}  // namespace
}  // namespace shunt::harness
