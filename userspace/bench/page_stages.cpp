// SPDX-License-Identifier: Apache-2.0
#include "bench/page_stages.h"

#include <fmt/format.h>

#include <map>

#include "bench/capacity_stage.h"
#include "bench/charts.h"
#include "bench/html.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::string number(const Json& one, const char* key, int digits, double unit = 1) {
    return fmt::format("{:.{}f}", one.value(key, 0.0) / unit, digits);
}

std::string growth(const Json& list) {
    LineChart chart{"Added to connect() by the size of the policy",
                    {"entries", true, {}},
                    {"added to connect(), µs", true, {}},
                    {}};
    std::map<std::string, std::size_t> place;
    Rows rows;
    for (const auto& one : list) {
        const auto arm = one.value("arm", ""), kind = one.value("kind", "mixed");
        const auto name = kind == "mixed" ? arm : arm + ", " + kind;
        const auto at = place.try_emplace(name, chart.lines.size()).first->second;
        if (at == chart.lines.size()) chart.lines.push_back({name, arm, {}});
        chart.lines[at].points.emplace_back(one.value("entries", 0.0), one.value("connect_added_p50_ns", 0.0) / 1000);
        rows.push_back({arm, kind, std::to_string(one.value("entries", 0)),
                        one.value("distinguishable_from_direct", false) ? number(one, "connect_added_p50_ns", 2, 1000)
                                                                        : "within noise",
                        number(one, "apply_ms", 0)});
    }
    return "<h2>Growth</h2>\n<p class=\"soft\">The same with more entries of policy; mixed: half of them ranges, a "
           "quarter ports, a quarter listeners. A rule set of the packet filter is walked from the top.</p>\n" +
           figure(chart) + folded_table({"arm", "of", "entries", "added p50, µs", "time to apply, ms"}, rows);
}

// Bars of one figure of each entry of a list. What its entry says is not distinguishable from direct is marked, where
// that was judged by this figure.
std::string bars_of(const Json& list, const std::string& title, const char* key, int digits, const std::string& unit,
                    double in_unit = 1, bool judged = false) {
    BarChart chart{title, unit, {}};
    for (const auto& one : list) {
        const auto arm = one.value("arm", "");
        if (!one.contains(key) || !one[key].is_number()) continue;
        auto text = number(one, key, digits, in_unit);
        if (judged && !arm.starts_with("direct") && !one.value("distinguishable_from_direct", true)) text = "≈ " + text;
        chart.bars.push_back({arm, one[key].get<double>() / in_unit, {}, text});
    }
    return "<h3>" + title + "</h3>\n" + figure(chart);
}

std::string proxies(const Json& list, const std::string& title) {
    Rows rows;
    for (const auto& one : list)
        rows.push_back({one.value("arm", ""), number(one, "per_second", 0), number(one, "p50_ns", 1, 1000),
                        number(one, "p99_ns", 1, 1000), number(one, "client_cpu_us_per_connection", 1),
                        number(one, "proxy_cpu_us_per_connection", 1)});
    return fmt::format(
               "<h2>New connections through {}</h2>\n<p class=\"soft\">Connect, request, response, close, one after "
               "the "
               "other.</p>\n",
               title) +
           bars_of(list, "Per second", "per_second", 0, "connections per second") +
           bars_of(list, "CPU time of client and proxy", "cpu_us_per_connection", 1, "µs per connection") +
           folded_table({"arm", "per second", "p50, µs", "p99, µs", "CPU of client, µs", "CPU of proxy, µs"}, rows);
}

std::string established(const Json& list) {
    Rows rows;
    for (const auto& one : list)
        rows.push_back({one.value("arm", ""), number(one, "round_trip_32_ns", 2, 1000),
                        number(one, "round_trip_over_direct", 3), number(one, "round_trip_16384_ns", 2, 1000),
                        number(one, "bytes_per_second", 2, 1e9)});
    return "<h2>Established connections</h2>\n<p class=\"soft\">≈: not distinguishable from direct.</p>\n" +
           bars_of(list, "Round trip of 32 bytes", "round_trip_32_ns", 2, "µs", 1000, true) +
           bars_of(list, "Round trip of 16 KiB", "round_trip_16384_ns", 2, "µs", 1000) +
           bars_of(list, "Throughput", "bytes_per_second", 2, "GB/s", 1e9) +
           folded_table({"arm", "32 bytes, µs", "× direct", "16 KiB, µs", "GB/s"}, rows);
}

// Where no call failed, an arm may be able to hold more than it was seen to hold.
std::string capacity(const Json& list) {
    BarChart chart{"Reached", "connections", {}};
    Rows rows;
    for (const auto& one : list) {
        const auto arm = one.value("arm", ""), ended_by = one.value("ended_by", "");
        const auto reached = number(one, "connections", 0);
        const bool failed = !ended_by.empty() && ended_by != kTimeIsOver;
        chart.bars.push_back({arm, one.value("connections", 0.0), {}, failed ? reached : "≥ " + reached});
        rows.push_back({arm, reached, ended_by.empty() ? "as many as were asked for" : ended_by});
    }
    return "<h2>Live connections in one network namespace</h2>\n<p class=\"soft\">≥: no connection failed; the time "
           "was "
           "over, or as many as were asked for were open.</p>\n" +
           figure(chart) + folded_table({"arm", "connections", "ended by"}, rows);
}

}  // namespace

std::string stages_of(const Json& report) {
    if (!report.contains("stages")) return {};
    const auto& stages = report["stages"];
    const auto has = [&](const char* name) { return stages.contains(name) && !stages[name].empty(); };
    std::string text;
    if (has("growth")) text += growth(stages["growth"]);
    for (const auto& [name, title] : {std::pair("haproxy", "HAProxy"), std::pair("envoy", "Envoy")})
        if (has(name)) text += proxies(stages[name], title);
    if (has("established")) text += established(stages["established"]);
    if (has("capacity")) text += capacity(stages["capacity"]);
    if (has("start"))
        text += fmt::format(
            "<h2>Start</h2>\n<p>From the start of <code>shunt run</code> to the first redirected "
            "connection: {:.0f} ms; resident memory {:.1f} MB.</p>\n",
            stages["start"].value("protected_ms", 0.0), stages["start"].value("resident_mb", 0.0));
    return text;
}

}  // namespace shunt::bench
