// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "base/names.h"
#include "telemetry/exposition.h"

namespace shunt::telemetry {
namespace {

using namespace std::chrono_literals;

// Whatever can be counted has a count, so that nothing can be forgotten or be written under another's name.
Metrics example() {
    Metrics metrics;
    metrics.version = "0.1.0";
    metrics.revision = "a\"b\\c\nd";
    auto& snapshot = metrics.snapshot;
    snapshot.installed = true;
    snapshot.generation = 7;
    for (unsigned i = 1; i < SHUNT_REASON_MAX; ++i) snapshot.counters.reasons[static_cast<shunt_reason>(i)] = 1000 + i;
    for (unsigned i = 1; i < SHUNT_LANE_MAX; ++i) snapshot.counters.lanes[static_cast<shunt_lane>(i)] = 2000 + i;
    for (unsigned i = 1; i < SHUNT_EVENT_MAX; ++i) snapshot.counters.events[static_cast<shunt_event>(i)] = 3000 + i;
    snapshot.links = {{"shunt_connect4_17", "cgroup_inet4_connect", 1, 2, 17, "/mesh", true},
                      {"shunt_connect6_17", "cgroup_inet6_connect", 3, 4, 17, "/mesh", false}};
    snapshot.tables = {{"shunt_ports", 3, 4}, {"shunt_dests", 1, 65536}};
    metrics.programs = {{"shunt_connect4", 4000, 2'500'000'000}};
    metrics.program_stats = true;
    metrics.proxy = {{"0.0.0.0:15001", 3, 1, 2}};
    metrics.listeners = {{{{"scope", ""}, {"listener", "web"}, {"address", "0.0.0.0:9080"}}, 17}};
    metrics.clusters = {{{{"cluster", "outbound|3306||db"}}, 18}};
    metrics.listeners_left_out = 19;
    metrics.clusters_left_out = 20;
    metrics.score.started = std::chrono::system_clock::time_point(1'000'000'000s);
    metrics.score.last_good = std::chrono::system_clock::time_point(1'000'000'000s + 1500ms);
    metrics.score.applied = 5;
    metrics.score.refused = 6;
    metrics.score.latest_refused = true;
    return metrics;
}

void expect_line(const std::string& text, const std::string& line) {
    EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos) << line << "\nis not in\n" << text;
}

TEST(Metrics, EveryValueUnderItsName) {
    const auto text = to_prometheus(example());
    for (unsigned i = 1; i < SHUNT_REASON_MAX; ++i) {
        const auto reason = static_cast<shunt_reason>(i);
        expect_line(text, "shunt_connects_total{verdict=\"" + std::string(base::name(base::verdict_of(reason))) +
                              "\",reason=\"" + std::string(base::name(reason)) + "\"} " + std::to_string(1000 + i));
    }
    for (unsigned i = 1; i < SHUNT_LANE_MAX; ++i)
        expect_line(text, "shunt_redirects_total{lane=\"" + std::string(base::name(static_cast<shunt_lane>(i))) +
                              "\"} " + std::to_string(2000 + i));
    for (unsigned i = 1; i < SHUNT_EVENT_MAX; ++i) {
        const auto event = static_cast<shunt_event>(i);
        expect_line(text, (base::is_failure(event) ? "shunt_failures_total{cause=\"" : "shunt_events_total{event=\"") +
                              std::string(base::name(event)) + "\"} " + std::to_string(3000 + i));
    }
    for (const char* line : {"shunt_build_info{version=\"0.1.0\",revision=\"a\\\"b\\\\c\\nd\"} 1",
                             "shunt_generation 7",
                             "shunt_state{state=\"unprotected\"} 1",
                             "shunt_state{state=\"protected\"} 0",
                             "shunt_link_attached{link=\"shunt_connect4_17\",cgroup=\"/mesh\"} 1",
                             "shunt_link_attached{link=\"shunt_connect6_17\",cgroup=\"/mesh\"} 0",
                             "shunt_table_entries{table=\"shunt_ports\"} 3",
                             "shunt_table_capacity_entries{table=\"shunt_ports\"} 4",
                             "shunt_program_stats_enabled 1",
                             "shunt_program_runs_total{program=\"shunt_connect4\"} 4000",
                             "shunt_program_run_seconds_total{program=\"shunt_connect4\"} 2.5",
                             "shunt_proxy_namespaces{address=\"0.0.0.0:15001\",state=\"listening\"} 3",
                             "shunt_proxy_namespaces{address=\"0.0.0.0:15001\",state=\"elsewhere\"} 1",
                             "shunt_proxy_namespaces{address=\"0.0.0.0:15001\",state=\"absent\"} 2",
                             "shunt_listener_hits_total{scope=\"\",listener=\"web\",address=\"0.0.0.0:9080\"} 17",
                             "shunt_cluster_hits_total{cluster=\"outbound|3306||db\"} 18",
                             "shunt_hits_left_out{of=\"listeners\"} 19",
                             "shunt_hits_left_out{of=\"clusters\"} 20",
                             "shunt_reloads_total{result=\"applied\"} 5",
                             "shunt_reloads_total{result=\"refused\"} 6",
                             "shunt_last_reload_refused 1",
                             "shunt_last_good_reload_timestamp_seconds 1000000001.5"})
        expect_line(text, line);
}

// promtool's exit code and words for this text; the package "prometheus" has it.
std::pair<int, std::string> promtool(const std::string& text) {
    char name[] = "/tmp/shunt-t-metrics-XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    close(fd);
    FILE* pipe = popen(("promtool check metrics <" + std::string(name) + " 2>&1").c_str(), "r");
    std::string said;
    for (int c = 0; pipe && (c = std::fgetc(pipe)) != EOF;) said += static_cast<char>(c);
    const int status = pipe ? pclose(pipe) : -1;
    unlink(name);
    return {WEXITSTATUS(status), said};
}

TEST(Metrics, PromtoolAgrees) {
    const auto [code, said] = promtool(to_prometheus(example()));
    EXPECT_EQ(code, 0) << said;
    EXPECT_EQ(said, "");
}

TEST(Metrics, PromtoolWouldNoticeWhatIsWrong) {
    Exposition twice;
    twice.family("shunt_a", Exposition::Type::kCounter, "A counter whose name says nothing of it.");
    twice.sample({}, 1);
    EXPECT_NE(promtool(twice.text()).second, "");
    twice.sample({}, 2);
    EXPECT_NE(promtool(twice.text()).first, 0) << "the same sample twice";
    EXPECT_NE(promtool("shunt_b{a=\"b} 1\n").first, 0) << "a quote that is not closed";
}

}  // namespace
}  // namespace shunt::telemetry
