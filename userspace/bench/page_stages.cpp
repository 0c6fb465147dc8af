// SPDX-License-Identifier: Apache-2.0
#include "bench/page_stages.h"

#include <fmt/format.h>

#include <map>

#include "bench/plots.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string growth(const Json& list) {
    std::map<std::string, Line> by_arm;
    for (const auto& one : list) {
        const auto arm = one.value("arm", ""), kind = one.value("kind", "mixed");
        const auto name = kind == "mixed" ? arm : arm + ", " + kind;
        auto& line = by_arm.try_emplace(name, Line{name, arm, {}}).first->second;
        line.points.emplace_back(one.value("entries", 0.0), one.value("connect_added_p50_ns", 0.0) / 1000);
    }
    std::vector<Line> lines;
    lines.reserve(by_arm.size());
    for (const auto& [arm, line] : by_arm) lines.push_back(line);
    std::string text =
        "<h2>Growth</h2>\n<p class=\"soft\">The same with more entries of policy; mixed: half of them ranges, a "
        "quarter "
        "ports, a quarter listeners. A rule set of the packet filter is walked from the top.</p>\n" +
        line_chart(lines, {"entries", true}, {"added to connect(), µs", true});
    text +=
        "<div class=\"wide\"><table><tr><th>arm</th><th>of</th><th>entries</th><th>added p50, µs</th><th>time to "
        "apply, "
        "ms</th></tr>\n";
    for (const auto& one : list)
        text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0f}</td></tr>\n",
                            escape_html(one.value("arm", "")), escape_html(one.value("kind", "mixed")),
                            one.value("entries", 0),
                            one.value("distinguishable_from_direct", false)
                                ? fmt::format("{:.2f}", one.value("connect_added_p50_ns", 0.0) / 1000)
                                : "within noise",
                            one.value("apply_ms", 0.0));
    return text + "</table></div>\n";
}

// Bars of one figure of each entry of a list. What its entry says is not distinguishable from direct is marked, where
// that was judged by this figure.
std::string bars_of(const Json& list, const char* key, const char* format, double unit, bool judged = false) {
    std::vector<Bar> all;
    for (const auto& one : list) {
        const auto arm = one.value("arm", "");
        if (!one.contains(key) || !one[key].is_number()) continue;
        const double value = one[key].get<double>() / unit;
        auto text = fmt::format(fmt::runtime(format), value);
        if (judged && !arm.starts_with("direct") && !one.value("distinguishable_from_direct", true)) text = "≈ " + text;
        all.push_back({arm, arm, value, 0, 0, text});
    }
    return bars(all);
}

}  // namespace

std::string stages_of(const Json& report) {
    if (!report.contains("stages")) return {};
    const auto& stages = report["stages"];
    std::string text;
    if (stages.contains("growth") && !stages["growth"].empty()) text += growth(stages["growth"]);
    for (const auto& [name, title] : {std::pair("haproxy", "HAProxy"), std::pair("envoy", "Envoy")})
        if (stages.contains(name) && !stages[name].empty())
            text += fmt::format(
                        "<h2>New connections through {}</h2>\n<p class=\"soft\">Connect, request, response, close, "
                        "one after the other.</p>\n<h3>Per second</h3>\n",
                        title) +
                    bars_of(stages[name], "per_second", "{:.0f}", 1) +
                    "<h3>CPU time of client and proxy, µs each</h3>\n" +
                    bars_of(stages[name], "cpu_us_per_connection", "{:.1f} µs", 1);
    if (stages.contains("established") && !stages["established"].empty())
        text +=
            "<h2>Established connections</h2>\n<p class=\"soft\">≈: not distinguishable from direct.</p>\n"
            "<h3>Round trip of 32 bytes</h3>\n" +
            bars_of(stages["established"], "round_trip_32_ns", "{:.2f} µs", 1000, true) +
            "<h3>Round trip of 16 KiB</h3>\n" +
            bars_of(stages["established"], "round_trip_16384_ns", "{:.2f} µs", 1000) + "<h3>Throughput</h3>\n" +
            bars_of(stages["established"], "bytes_per_second", "{:.2f} GB/s", 1e9);
    if (stages.contains("capacity") && !stages["capacity"].empty())
        text += "<h2>Live connections in one network namespace</h2>\n" +
                bars_of(stages["capacity"], "connections", "{:.0f}", 1);
    if (stages.contains("start"))
        text += fmt::format(
            "<h2>Start</h2>\n<p>From the start of <code>shunt run</code> to the first redirected "
            "connection: {:.0f} ms; resident memory {:.1f} MB.</p>\n",
            stages["start"].value("protected_ms", 0.0), stages["start"].value("resident_mb", 0.0));
    return text;
}

}  // namespace shunt::bench
