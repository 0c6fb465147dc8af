// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.h"

#include "base/names.h"
#include "telemetry/exposition.h"
#include "telemetry/install_state.h"

namespace shunt::telemetry {
namespace {

using enum Exposition::Type;

std::string text(std::string_view view) { return std::string(view); }

double seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_counters(const Counters& counters, Exposition& out) {
    out.family("shunt_connects_total", kCounter, "Connections looked at, by verdict and reason; each counts once.");
    for (const auto& [reason, count] : counters.reasons)
        out.sample({{"verdict", text(base::name(base::verdict_of(reason)))}, {"reason", text(base::name(reason))}},
                   count);
    out.family("shunt_redirects_total", kCounter, "Redirected connections, by how their original destination travels.");
    for (const auto& [lane, count] : counters.lanes) out.sample({{"lane", text(base::name(lane))}}, count);
    out.family("shunt_events_total", kCounter, "What the programs besides connect did.");
    for (const auto& [event, count] : counters.events)
        if (!base::is_failure(event)) out.sample({{"event", text(base::name(event))}}, count);
    out.family("shunt_failures_total", kCounter, "Internal failures, by cause; onInternalError decides what follows.");
    for (const auto& [event, count] : counters.events)
        if (base::is_failure(event)) out.sample({{"cause", text(base::name(event))}}, count);
}

void add_programs(const Metrics& metrics, Exposition& out) {
    out.family("shunt_program_stats_enabled", kGauge,
               "1 where sysctl kernel.bpf_stats_enabled is on; while it is 0 the kernel does not count runs and time.");
    out.sample({}, metrics.program_stats ? 1 : 0);
    out.family("shunt_program_runs_total", kCounter, "Runs of each program while the kernel counted them.");
    for (const auto& program : metrics.programs) out.sample({{"program", program.name}}, program.runs);
    out.family("shunt_program_run_seconds_total", kCounter, "Time spent in those runs.");
    for (const auto& program : metrics.programs)
        out.sample({{"program", program.name}}, static_cast<double>(program.nanoseconds) / 1e9);
}

void add_state(const Snapshot& snapshot, Exposition& out) {
    out.family("shunt_state", kGauge, "1 for the state that 'shunt status' would print, 0 for the others.");
    const auto state = judge(snapshot).state;
    for (const auto each : {State::kProtected, State::kDegraded, State::kUnprotected, State::kNotInstalled})
        out.sample({{"state", to_string(each)}}, each == state ? 1 : 0);
    out.family("shunt_link_attached", kGauge, "1 for each pinned link that is attached, 0 where it was detached.");
    for (const auto& link : snapshot.links) out.sample({{"link", link.pin}, {"cgroup", link.cgroup}}, link.attached);
    out.family("shunt_table_entries", kGauge, "Entries of the tables in force and of the kernel's own tables.");
    for (const auto& table : snapshot.tables) out.sample({{"table", table.name}}, table.entries);
    out.family("shunt_table_capacity_entries", kGauge, "How many entries they hold as they are now.");
    for (const auto& table : snapshot.tables) out.sample({{"table", table.name}}, table.capacity);
}

void add_proxy(const std::vector<ProxyReach>& proxy, Exposition& out) {
    out.family("shunt_proxy_namespaces", kGauge,
               "Network namespaces of captured processes, by what listens there on the proxy's port.");
    for (const auto& reach : proxy) {
        out.sample({{"address", reach.address}, {"state", "listening"}}, reach.listening);
        out.sample({{"address", reach.address}, {"state", "elsewhere"}}, reach.elsewhere);
        out.sample({{"address", reach.address}, {"state", "absent"}}, reach.absent);
    }
}

void add_hits(const Metrics& metrics, Exposition& out) {
    out.family("shunt_listener_hits_total", kCounter,
               "Captured connections that a listener claimed, whatever became of them; the listeners with the most.");
    for (const auto& series : metrics.listeners) out.sample(series.labels, series.hits);
    out.family("shunt_cluster_hits_total", kCounter,
               "Connections balanced to a cluster's endpoints without the proxy; the clusters with the most.");
    for (const auto& series : metrics.clusters) out.sample(series.labels, series.hits);
    out.family("shunt_hits_left_out", kGauge, "How many listeners and clusters are not among those.");
    out.sample({{"of", "listeners"}}, metrics.listeners_left_out);
    out.sample({{"of", "clusters"}}, metrics.clusters_left_out);
}

void add_score(const Metrics& metrics, Exposition& out) {
    const auto& score = metrics.score;
    out.family("shunt_generation", kGauge, "Generation of the configuration in force.");
    out.sample({}, metrics.snapshot.generation);
    out.family("shunt_reloads_total", kCounter, "Reloads since this controller started, by result.");
    out.sample({{"result", "applied"}}, score.applied);
    out.sample({{"result", "refused"}}, score.refused);
    out.family("shunt_last_reload_refused", kGauge, "1 where the latest reload was refused.");
    out.sample({}, score.latest_refused ? 1 : 0);
    out.family("shunt_last_good_reload_timestamp_seconds", kGauge,
               "When a configuration was last put in force; the start counts.");
    out.sample({}, seconds(score.last_good));
    out.family("shunt_repairs_total", kCounter, "Detached links, removed pins and the like that were put back.");
    out.sample({}, score.repairs);
    out.family("shunt_broken", kGauge, "What the controller tries to put back and cannot.");
    out.sample({}, score.broken);
    out.family("shunt_start_timestamp_seconds", kGauge, "When this controller started.");
    out.sample({}, seconds(score.started));
}

}  // namespace

std::string to_prometheus(const Metrics& metrics) {
    Exposition out;
    out.family("shunt_build_info", kGauge, "Always 1; the labels say what runs.");
    out.sample({{"version", metrics.version}, {"revision", metrics.revision}}, 1);
    add_state(metrics.snapshot, out);
    add_counters(metrics.snapshot.counters, out);
    add_hits(metrics, out);
    add_proxy(metrics.proxy, out);
    add_programs(metrics, out);
    add_score(metrics, out);
    return out.text();
}

}  // namespace shunt::telemetry
