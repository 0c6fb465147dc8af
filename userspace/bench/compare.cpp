// SPDX-License-Identifier: Apache-2.0
#include "bench/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "bench/report_json.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

const Json* figures_of(const Json& report, const std::string& arm, const std::string& family) {
    const auto& arms = report["arms"];
    if (!arms.contains(arm)) return nullptr;
    if (family == "v4") return arms[arm].contains("connect_added_p50_ns") ? &arms[arm] : nullptr;
    if (!arms[arm].contains("families") || !arms[arm]["families"].contains(family)) return nullptr;
    return &arms[arm]["families"][family];
}

bool overlap(const Json& a, const Json& b) {
    if (a.size() != 2 || b.size() != 2) return false;
    return a[0].get<double>() <= b[1].get<double>() && b[0].get<double>() <= a[1].get<double>();
}

void note_difference(const Json& a, const Json& b, const char* what, std::vector<std::string>& notes) {
    if (a != b) notes.push_back(fmt::format("{} differs: {} and {}", what, a.dump(), b.dump()));
}

}  // namespace

base::Result<Json> read_report(const std::string& file) {
    std::ifstream in(file);
    if (!in) return tl::unexpected(base::errno_error(file, errno));
    std::ostringstream text;
    text << in.rdbuf();
    const auto json = Json::parse(text.str(), nullptr, false);
    if (!json.is_object() || !json.contains("shunt_bench"))
        return base::fail(file + ": not a report of shunt bench -o json");
    if (json["shunt_bench"] != kReportVersion)
        return base::fail(fmt::format("{}: a report of version {}; this shunt reads version {}", file,
                                      json["shunt_bench"].dump(), kReportVersion));
    for (const char* key : {"arms", "machine", "noise_ns", "policy"})
        if (!json.contains(key) || !json[key].is_object())
            return base::fail(fmt::format("{}: not a whole report: \"{}\" is missing", file, key));
    return json;
}

Comparison compare(const Json& a, const Json& b) {
    Comparison result;
    for (const char* key : {"cpu", "cpus", "kernel"})
        note_difference(a["machine"].value(key, Json()), b["machine"].value(key, Json()), key, result.notes);
    note_difference(a["policy"], b["policy"], "policy", result.notes);
    for (const auto& [arm, ignored] : a["arms"].items()) {
        if (arm == "direct") continue;
        for (const char* family : {"v4", "mapped", "v6"}) {
            const auto *in_a = figures_of(a, arm, family), *in_b = figures_of(b, arm, family);
            if (in_a == nullptr || in_b == nullptr) continue;
            Compared row{arm, family};
            row.a_ns = in_a->value("connect_added_p50_ns", 0.0);
            row.b_ns = in_b->value("connect_added_p50_ns", 0.0);
            row.a_over_legacy = in_a->value("added_over_iptables_legacy", 0.0);
            row.b_over_legacy = in_b->value("added_over_iptables_legacy", 0.0);
            row.noise_ns = std::max(a["noise_ns"].value(family, 0.0), b["noise_ns"].value(family, 0.0));
            row.distinguishable = std::abs(row.b_ns - row.a_ns) > row.noise_ns &&
                                  !overlap(in_a->value("connect_added_p50_interval_ns", Json::array()),
                                           in_b->value("connect_added_p50_interval_ns", Json::array()));
            result.rows.push_back(row);
        }
    }
    return result;
}

std::string to_text(const Comparison& comparison) {
    std::string text;
    for (const auto& note : comparison.notes) text += "note: " + note + "\n";
    text += fmt::format("{:<21} {:<7} {:>9} {:>9}  {:<20} {:>6} {:>6}\n", "added p50, us", "family", "A", "B", "B - A",
                        "A/ipt", "B/ipt");
    const auto ratio = [](double value) { return value == 0 ? std::string("-") : fmt::format("{:.3f}", value); };
    for (const auto& row : comparison.rows)
        text += fmt::format(
            "{:<21} {:<7} {:>9.3f} {:>9.3f}  {:<20} {:>6} {:>6}\n", row.arm, row.family, row.a_ns / 1000,
            row.b_ns / 1000,
            row.distinguishable ? fmt::format("{:+.3f}", (row.b_ns - row.a_ns) / 1000) : "not distinguishable",
            ratio(row.a_over_legacy), ratio(row.b_over_legacy));
    return text;
}

Json to_json(const Comparison& comparison) {
    Json rows = Json::array();
    for (const auto& row : comparison.rows)
        rows.push_back({{"arm", row.arm},
                        {"family", row.family},
                        {"a_added_p50_ns", row.a_ns},
                        {"b_added_p50_ns", row.b_ns},
                        {"noise_ns", row.noise_ns},
                        {"distinguishable", row.distinguishable},
                        {"a_over_iptables_legacy", row.a_over_legacy},
                        {"b_over_iptables_legacy", row.b_over_legacy}});
    return {{"notes", comparison.notes}, {"arms", rows}};
}

}  // namespace shunt::bench
