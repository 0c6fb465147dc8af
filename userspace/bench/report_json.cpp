// SPDX-License-Identifier: Apache-2.0
#include "bench/report_json.h"

#include <cmath>

#include "bench/histogram_text.h"
#include "bench/report_stages.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1000) / 1000; }

Json interval(const Estimate& estimate) { return Json::array({rounded(estimate.low), rounded(estimate.high)}); }

Json figures_json(const Figures& figures) {
    Json json{{"connect_p50_ns", figures.p50},
              {"connect_p90_ns", figures.p90},
              {"connect_p99_ns", figures.p99},
              {"connect_p999_ns", figures.p999},
              {"connects_per_second", std::round(figures.per_second)},
              {"connect_added_p50_ns", rounded(figures.added_p50.value)},
              {"connect_added_p50_interval_ns", interval(figures.added_p50)},
              {"connect_added_p99_ns", rounded(figures.added_p99.value)},
              {"connect_added_p99_interval_ns", interval(figures.added_p99)},
              {"connect_p99_over_direct", rounded(figures.p99_over_direct.value)},
              {"connect_p99_over_direct_interval", interval(figures.p99_over_direct)}};
    if (figures.over_legacy.value != 0) {
        json["added_over_iptables_legacy"] = rounded(figures.over_legacy.value);
        json["added_over_iptables_legacy_interval"] = interval(figures.over_legacy);
    }
    json["distinguishable_from_direct"] = figures.distinguishable;
    json["timed_connections"] = figures.connections;
    return json;
}

Json histogram_json(const Histogram& histogram) {
    return {{"unit", "ns"}, {"total", histogram.total()}, {"hdr", to_text(histogram)}};
}

Json programs_json(const std::vector<ProgramCost>& costs) {
    Json programs = Json::array();
    for (const auto& cost : costs)
        programs.push_back({{"arm", cost.arm},
                            {"family", to_string(cost.family)},
                            {"program", cost.program},
                            {"runs_per_connection", rounded(cost.runs_per_connection)},
                            {"ns_per_run", rounded(cost.ns_per_run)},
                            {"machine_bytes", cost.machine_bytes}});
    return programs;
}

Json machine_json(const Machine& machine) {
    return {{"cpu", machine.cpu},
            {"cpus", machine.cpus},
            {"hypervisor", machine.hypervisor},
            {"memory_mb", machine.memory_mb},
            {"kernel", machine.kernel},
            {"clock_source", machine.clock_source},
            {"load", machine.load},
            {"mitigations", machine.mitigations}};
}

}  // namespace

nlohmann::ordered_json to_json(const Report& report) {
    Json arms = Json::object();
    for (const auto& spec : all_arms())
        for (const auto& proof : report.proofs)
            if (proof.arm == spec.name) arms[spec.name] = {{"meaning", spec.meaning}};
    for (const auto& figures : report.connect.figures) {
        auto& arm = arms[figures.arm];
        if (figures.family == Family::kV4) {
            arm.update(figures_json(figures));
            arm["histogram"] = histogram_json(figures.histogram);
        } else {
            auto& family = arm["families"][to_string(figures.family)];
            family = figures_json(figures);
            family["histogram"] = histogram_json(figures.histogram);
        }
    }
    for (const auto& proof : report.proofs) arms[proof.arm]["proof"] = proof_json(proof);
    Json noise = Json::object(), seconds = Json::object(), skipped = Json::array();
    for (const auto& [stage, value] : report.seconds) seconds[stage] = rounded(value);
    for (const auto& [family, value] : report.connect.noise_ns) noise[to_string(family)] = rounded(value);
    for (const auto& one : report.skipped) skipped.push_back({{"arm", one.arm}, {"reason", one.reason}});
    const auto& policy = report.options.policy;
    return {{"shunt_bench", kReportVersion},
            {"date", report.machine.date},
            {"machine", machine_json(report.machine)},
            {"versions", report.machine.versions},
            {"policy", {{"cidrs", policy.cidrs}, {"ports", policy.ports}, {"listeners", policy.listeners}}},
            {"seconds", seconds},
            {"noise_ns", noise},
            {"programs", programs_json(report.programs)},
            {"stages", stages_json(report)},
            {"skipped", skipped},
            {"arms", arms}};
}

}  // namespace shunt::bench
