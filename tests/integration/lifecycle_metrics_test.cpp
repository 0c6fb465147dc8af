// SPDX-License-Identifier: Apache-2.0
// Metrics of a running controller, asked for with curl as anybody would, against what is known to have happened.
#include <bpf/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

using Samples = std::map<std::string, double>;

class LifecycleMetrics : public Lifecycle {
protected:
    std::string socket() const { return sandbox_.directory() + "/metrics.sock"; }
    std::string over_socket() const { return lifecycle_config() + "metrics: { listen: " + socket() + " }\n"; }

    Ran curl(std::vector<std::string> more) const {
        more.insert(more.begin(), {"curl", "-sS", "--max-time", "20", "--noproxy", "*"});
        return run_process(more);
    }

    std::string text() const {
        const auto ran = curl({"--fail", "--unix-socket", socket(), "http://shunt/metrics"});
        EXPECT_EQ(ran.code, 0) << to_text(ran);
        return ran.out;
    }

    static Samples parse(const std::string& text) {
        Samples samples;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with('#')) continue;
            const auto at = line.rfind(' ');
            EXPECT_TRUE(samples.emplace(line.substr(0, at), std::stod(line.substr(at))).second) << line;
        }
        return samples;
    }
    Samples samples() const { return parse(text()); }

    static double sum(const Samples& samples, const std::string& family) {
        double total = 0;
        for (const auto& [name, value] : samples)
            if (name.starts_with(family + "{")) total += value;
        return total;
    }

    static double at(const Samples& samples, const std::string& name) {
        const auto found = samples.find(name);
        if (found == samples.end()) ADD_FAILURE() << name << " is missing";
        return found == samples.end() ? -1 : found->second;
    }
};

TEST_F(LifecycleMetrics, TellWhatHappened) {
    constexpr int kMore = 103;  // listeners that nobody uses
    auto config = over_socket() + "clusters: [{ name: c, type: EDS }]\nlisteners:\n";
    for (int i = 0; i < kMore; ++i)
        config += "  - { name: l" + std::to_string(i) + ", port: " + std::to_string(1000 + i) + ", cluster: c }\n";
    RunningShunt running(sandbox_, config + "  - { name: web, port: 9080, cluster: c }\n");
    const Fd counting(check(bpf_enable_stats(BPF_STATS_RUN_TIME), "BPF_ENABLE_STATS"));
    const auto before = samples();
    {
        const ProbeProxy proxy(sandbox_);
        for (int i = 0; i < 5; ++i) expect_proxied(sandbox_.app());
        for (int i = 0; i < 2; ++i) expect_proxied(sandbox_.app(), "203.0.113.9:9080");
    }
    const Outcome down = dial(sandbox_.app(), {.destination = "203.0.113.9:80"});
    EXPECT_EQ(error_name(down.error), "ECONNREFUSED");
    const auto after = samples();
    const auto grown = [&](const std::string& name) { return at(after, name) - at(before, name); };
    EXPECT_EQ(grown("shunt_connects_total{verdict=\"redirect\",reason=\"unmatched\"}"), 5);
    EXPECT_EQ(grown("shunt_connects_total{verdict=\"refuse\",reason=\"proxy_down_refuse\"}"), 1);
    EXPECT_EQ(grown("shunt_redirects_total{lane=\"address\"}"), 7);
    EXPECT_EQ(grown("shunt_program_runs_total{program=\"shunt_connect4\"}"), 8);
    EXPECT_EQ(at(after, "shunt_listener_hits_total{scope=\"\",listener=\"web\",address=\"0.0.0.0:9080\"}"), 2);
    EXPECT_EQ(sum(after, "shunt_listener_hits_total"), 2);
    const auto series = std::count_if(after.begin(), after.end(), [](const auto& sample) {
        return sample.first.starts_with("shunt_listener_hits_total{");
    });
    EXPECT_EQ(series, 100) << "those with the most";
    EXPECT_EQ(at(after, "shunt_hits_left_out{of=\"listeners\"}"), kMore + 1 - 100);
    EXPECT_GT(grown("shunt_program_run_seconds_total{program=\"shunt_connect4\"}"), 0);
    EXPECT_EQ(grown("shunt_failures_total{cause=\"fail_dict\"}"), 0);
    const auto counted = running.counters();
    EXPECT_EQ(sum(after, "shunt_connects_total"), static_cast<double>(counted.runs));
    EXPECT_EQ(sum(after, "shunt_redirects_total"), static_cast<double>(counted.lanes.at("address")));
    EXPECT_EQ(at(after, "shunt_state{state=\"protected\"}"), 1);
    EXPECT_EQ(at(after, "shunt_generation"), status().at("generation"));
    for (const auto& [pin, id] : links()) {
        std::size_t found = 0;
        for (const auto& [name, value] : after)
            if (name.starts_with("shunt_link_attached{link=\"" + pin + "\"")) found += value == 1;
        EXPECT_EQ(found, 1u) << pin;
    }
    const auto now = status();
    for (const auto& table : now.at("tables")) {
        const std::string label = "{table=\"" + table.at("table").get<std::string>() + "\"}";
        EXPECT_EQ(at(after, "shunt_table_entries" + label), table.at("entries")) << label;
        EXPECT_EQ(at(after, "shunt_table_capacity_entries" + label), table.at("capacity")) << label;
    }
    const auto sysctl = run_process({"cat", "/proc/sys/kernel/bpf_stats_enabled"}).out;
    EXPECT_EQ(at(after, "shunt_program_stats_enabled"), std::stoi(sysctl));
    EXPECT_EQ(running.log().find("kernel.bpf_stats_enabled is 0") != std::string::npos, std::stoi(sysctl) == 0);
}

TEST_F(LifecycleMetrics, PromtoolFindsNothingWrong) {
    const RunningShunt running(sandbox_, over_socket());
    const auto file = sandbox_.directory() + "/metrics.txt";
    ASSERT_EQ(curl({"-o", file, "--unix-socket", socket(), "http://shunt/metrics"}).code, 0);
    const auto checked = run_process({"sh", "-c", "promtool check metrics <" + file});
    EXPECT_EQ(checked.code, 0) << to_text(checked);
    EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(LifecycleMetrics, WhereTheProxyListens) {
    const std::string v4 = "shunt_proxy_namespaces{address=\"0.0.0.0:15001\",state=\"";
    const Child app(sandbox_.app(), [](int control) { receive_text(control); });
    const RunningShunt running(sandbox_, over_socket());
    EXPECT_EQ(at(samples(), v4 + "absent\"}"), 1);
    EXPECT_EQ(at(samples(), v4 + "listening\"}"), 0);
    {
        const ProbeProxy proxy(sandbox_, {.listen = {"127.0.0.1:15001"}});
        EXPECT_EQ(at(samples(), v4 + "elsewhere\"}"), 1);
    }
    const ProbeProxy proxy(sandbox_);
    EXPECT_EQ(at(samples(), v4 + "listening\"}"), 1);
    // A second namespace without a proxy, under the same rules.
    Placement other = sandbox_.app();
    other.netns = sandbox_.second_client_netns();
    const Child elsewhere(other, [](int control) { receive_text(control); });
    EXPECT_EQ(at(samples(), v4 + "listening\"}"), 1);
    EXPECT_EQ(at(samples(), v4 + "absent\"}"), 1);
}

// A scope's proxy is looked for where the scope's processes are, and nowhere else; so says doctor.
TEST_F(LifecycleMetrics, TheProxyOfAScope) {
    const ScratchCgroup pod(sandbox_.root_cgroup() + "/pod"), sidecar(sandbox_.root_cgroup() + "/sidecar");
    const Placement place{.netns = sandbox_.second_client_netns(), .cgroup = pod.path()};
    const Child app(sandbox_.app(), [](int control) { receive_text(control); });
    const Child other(place, [](int control) { receive_text(control); });
    const ProbeProxy base(sandbox_);
    const RunningShunt running(sandbox_, over_socket() +
                                             "scopes:\n"
                                             "  - cgroups: [/mesh/pod]\n"
                                             "    proxy: { listen: 0.0.0.0:15101, "
                                             "identity: { cgroup: /mesh/sidecar } }\n");
    const std::string bases = "shunt_proxy_namespaces{address=\"0.0.0.0:15001\",state=\"";
    const std::string own = "shunt_proxy_namespaces{address=\"0.0.0.0:15101\",state=\"";
    auto seen = samples();
    EXPECT_EQ(at(seen, bases + "listening\"}"), 1);
    EXPECT_EQ(at(seen, bases + "absent\"}"), 0);
    EXPECT_EQ(at(seen, own + "listening\"}"), 0);
    EXPECT_EQ(at(seen, own + "absent\"}"), 1);
    EXPECT_NE(shunt({"doctor", "--no-probe"}).out.find("nothing listens on 0.0.0.0:15101 in "), std::string::npos);
    const ProbeProxy second({.netns = place.netns, .cgroup = sidecar.path()}, {.listen = {"0.0.0.0:15101"}});
    seen = samples();
    EXPECT_EQ(at(seen, bases + "listening\"}"), 1);
    EXPECT_EQ(at(seen, bases + "absent\"}"), 0);
    EXPECT_EQ(at(seen, own + "listening\"}"), 1);
    EXPECT_EQ(at(seen, own + "absent\"}"), 0);
    const auto whole = shunt({"doctor", "--no-probe"}).out;
    EXPECT_EQ(whole.find("nothing listens on 0.0.0.0:15101"), std::string::npos) << whole;
    EXPECT_NE(whole.find(" serves 0.0.0.0:15101"), std::string::npos) << whole;
    EXPECT_NE(whole.find("is in " + sidecar.path()), std::string::npos) << whole;
}

TEST_F(LifecycleMetrics, DetachedLinksAndRefusedReloads) {
    // A cgroup that is gone takes its links with it, and no controller can attach them again.
    std::optional<ScratchCgroup> gone(sandbox_.root_cgroup() + "/gone");
    const auto config =
        lifecycle_config("auto", "", "/mesh/app, /mesh/gone") + "metrics: { listen: " + socket() + " }\n";
    const RunningShunt running(sandbox_, config);
    const auto before = samples();
    EXPECT_EQ(at(before, "shunt_last_reload_refused"), 0);
    EXPECT_EQ(at(before, "shunt_repairs_total"), 0);
    EXPECT_EQ(at(before, "shunt_broken"), 0);
    struct stat made {};
    ASSERT_EQ(stat(gone->path().c_str(), &made), 0);
    double theirs = 0;
    for (const auto& [pin, id] : links()) theirs += pin.ends_with("_" + std::to_string(made.st_ino)) ? 1 : 0;
    EXPECT_GT(theirs, 0);
    gone.reset();
    running.write_config("nonsense");
    EXPECT_EQ(shunt({"reload"}).code, 3);
    // The kernel lets go of a removed cgroup's links a little later.
    auto after = samples();
    for (int i = 0; i < 100 && at(after, "shunt_state{state=\"unprotected\"}") == 0; ++i) {
        usleep(50000);
        after = samples();
    }
    EXPECT_EQ(at(after, "shunt_state{state=\"unprotected\"}"), 1);
    EXPECT_EQ(at(after, "shunt_state{state=\"protected\"}"), 0);
    EXPECT_EQ(sum(before, "shunt_link_attached") - sum(after, "shunt_link_attached"), theirs);
    EXPECT_EQ(at(after, "shunt_reloads_total{result=\"refused\"}"), 1);
    EXPECT_EQ(at(after, "shunt_last_reload_refused"), 1);
    EXPECT_EQ(at(after, "shunt_last_good_reload_timestamp_seconds"),
              at(before, "shunt_last_good_reload_timestamp_seconds"));
    gone.emplace(sandbox_.root_cgroup() + "/gone");
    running.write_config(config);
    EXPECT_EQ(shunt({"reload"}).code, 0);
    after = samples();
    EXPECT_EQ(at(after, "shunt_reloads_total{result=\"applied\"}"), 1);
    EXPECT_EQ(at(after, "shunt_last_reload_refused"), 0);
    EXPECT_GT(at(after, "shunt_last_good_reload_timestamp_seconds"),
              at(before, "shunt_last_good_reload_timestamp_seconds"));
    EXPECT_EQ(at(after, "shunt_state{state=\"protected\"}"), 1) << "attached anew";
}

// Off by default; a reload brings, moves and removes it; where the new place cannot be had, nothing of it is in force.
TEST_F(LifecycleMetrics, FollowTheConfiguration) {
    RunningShunt running(sandbox_, lifecycle_config());
    EXPECT_EQ(run_process({"test", "-e", socket()}).code, 1);
    running.reload(over_socket());
    EXPECT_EQ(at(samples(), "shunt_generation"), status().at("generation"));
    const auto other = sandbox_.directory() + "/other.sock";
    running.reload(lifecycle_config() + "metrics: { listen: " + other + " }\n");
    EXPECT_EQ(run_process({"test", "-e", socket()}).code, 1);
    EXPECT_EQ(curl({"--fail", "--unix-socket", other, "http://shunt/metrics"}).code, 0);

    const auto generation = status().at("generation");
    running.write_config(lifecycle_config("record") + "metrics: { listen: " + running.config_path() + " }\n");
    const auto refused = shunt({"reload"});
    EXPECT_EQ(refused.code, 1) << to_text(refused);
    EXPECT_NE(refused.err.find("no socket"), std::string::npos) << to_text(refused);
    EXPECT_EQ(status().at("generation"), generation);
    EXPECT_EQ(curl({"--fail", "--unix-socket", other, "http://shunt/metrics"}).code, 0);

    running.reload(lifecycle_config());
    EXPECT_EQ(run_process({"test", "-e", other}).code, 1);
    running.reload(over_socket());
    running.stop();
    EXPECT_EQ(run_process({"test", "-e", socket()}).code, 1) << "left behind";
}

TEST_F(LifecycleMetrics, TheOptionWinsOverTheFile) {
    const auto config =
        write("config.yaml", lifecycle_config() + "metrics: { listen: " + sandbox_.directory() + "/from-file.sock }\n");
    {
        const Process controller(words({"run", "-c", config, "--metrics", socket()}));
        ASSERT_TRUE(controller.says("ready: ")) << controller.err();
        EXPECT_GT(samples().size(), 50u);
        EXPECT_EQ(run_process({"test", "-e", sandbox_.directory() + "/from-file.sock"}).code, 1);
        EXPECT_EQ(shunt({"reload"}).code, 0);
        EXPECT_GT(samples().size(), 50u);
    }
    EXPECT_EQ(shunt({"uninstall", "--drain", "0"}).code, 0);
}

TEST_F(LifecycleMetrics, APlaceThatIsTakenStopsTheStartBeforeTheKernelIsTouched) {
    const auto config = write("config.yaml", lifecycle_config());
    const auto ran = shunt({"run", "-c", config, "--metrics", config});
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("no socket"), std::string::npos) << to_text(ran);
    EXPECT_EQ(status().at("state"), "not-installed");
}

}  // namespace
}  // namespace shunt::harness
