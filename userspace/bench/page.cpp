// SPDX-License-Identifier: Apache-2.0
#include "bench/page.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>

#include "bench/charts.h"
#include "bench/histogram_text.h"
#include "bench/html.h"
#include "bench/page_parts.h"
#include "bench/page_stages.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, const char*> kFamilies[] = {
    {"v4", "IPv4"}, {"mapped", "IPv4 from an IPv6 socket"}, {"v6", "IPv6"}};

double number(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0;
}

// An arm's figures of one family; null where it has none.
const Json* figures_of(const Json& arm, const std::string& family) {
    if (family == "v4") return arm.contains("connect_p50_ns") ? &arm : nullptr;
    if (!arm.contains("families") || !arm["families"].contains(family)) return nullptr;
    return &arm["families"][family];
}

std::optional<std::pair<double, double>> interval_of(const Json& json, const char* key) {
    if (!json.contains(key) || json[key].size() != 2) return {};
    return std::pair(json[key][0].get<double>(), json[key][1].get<double>());
}

std::string micro(double ns) { return fmt::format("{:.2f}", ns / 1000); }

std::string head(const Json& report) {
    const auto& machine = report["machine"];
    const auto& policy = report["policy"];
    std::string versions;
    for (const auto& [name, version] : report["versions"].items())
        if (const auto text = version.is_string() ? version.get<std::string>() : ""; !text.empty()) {
            const bool named = std::isdigit(static_cast<unsigned char>(text[0])) == 0;  // "iptables v1.8.9"
            versions += (versions.empty() ? "" : ", ") + (named ? text : name + " " + text);
        }
    return fmt::format(
        "<h1>What redirection costs</h1>\n<p class=\"soft\">{}, {} CPUs{}, kernel {}, {}<br>Policy: {} ranges, {} "
        "ports, {} listeners. {}</p>\n",
        escape_html(machine.value("cpu", "")), machine.value("cpus", 0),
        machine.value("hypervisor", "").empty() ? "" : " (" + escape_html(machine.value("hypervisor", "")) + ")",
        escape_html(machine.value("kernel", "")), escape_html(report.value("date", "")), policy.value("cidrs", 0),
        policy.value("ports", 0), policy.value("listeners", 0), escape_html(versions));
}

std::string cards(const Json& arms) {
    std::string text;
    const auto card = [&](const std::string& name, const std::string& value, const std::string& about) {
        text +=
            fmt::format("<div class=\"card\"><span class=\"soft\">{}</span><b>{}</b>{}</div>\n", name, value, about);
    };
    for (const auto& [name, arm] : arms.items()) {
        if (name.starts_with("direct") || !arm.contains("connect_added_p50_ns")) continue;
        if (name != "iptables-legacy" && !name.starts_with("shunt-")) continue;
        const auto ratio = number(arm, "added_over_iptables_legacy");
        card(name, micro(number(arm, "connect_added_p50_ns")) + " µs",
             ratio > 0 && name != "iptables-legacy" ? fmt::format("added; {:.2f} of iptables-legacy", ratio)
                                                    : "added to connect(), median");
    }
    return text.empty() ? "" : "<div class=\"cards\">\n" + text + "</div>\n";
}

BarChart added(const Json& arms, const std::string& family, const std::string& title) {
    BarChart chart{"Added to connect(), " + title, "µs", {}};
    for (const auto& [name, arm] : arms.items()) {
        const auto* figures = figures_of(arm, family);
        if (name == "direct" || figures == nullptr) continue;
        const auto value = number(*figures, "connect_added_p50_ns");
        Bar bar{name, value / 1000, {}, "within noise"};
        if (figures->value("distinguishable_from_direct", false)) bar.text = micro(value) + " µs";
        if (const auto ends = interval_of(*figures, "connect_added_p50_interval_ns"))
            bar.interval = {ends->first / 1000, ends->second / 1000};
        chart.bars.push_back(bar);
    }
    return chart;
}

LineChart distribution(const Json& arms, const std::string& family) {
    LineChart chart{"Distribution of connect()",
                    {"connect(), µs", true, {}},
                    {"% of connections", false, std::pair(0.0, 100.0)},
                    {}};
    for (const auto& [name, arm] : arms.items()) {
        const auto* figures = figures_of(arm, family);
        if (figures == nullptr || name == "direct-again" || !figures->contains("histogram")) continue;
        Line line{name, name, {}};
        const auto histogram = histogram_of((*figures)["histogram"].value("hdr", ""));
        if (!histogram) continue;
        const auto total = static_cast<double>(histogram->total());
        double sum = 0, drawn = -1;
        for (const auto& [value, count] : histogram->buckets()) {
            sum += static_cast<double>(count);
            const double part = 100 * sum / total;
            if (part < drawn + 0.5 && part < 99) continue;  // 200 points are enough for any screen
            drawn = part;
            line.points.emplace_back(static_cast<double>(value) / 1000, part);
            if (part >= 99) break;
        }
        if (!line.points.empty()) chart.lines.push_back(std::move(line));
    }
    return chart;
}

std::string details(const Json& arms) {
    std::string text = "<h2>Figures of connect()</h2>\n";
    for (const auto& [family, title] : kFamilies) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& [name, arm] : arms.items()) {
            const auto* figures = figures_of(arm, family);
            if (figures == nullptr) continue;
            const auto ends = interval_of(*figures, "connect_added_p50_interval_ns");
            const auto ratio = number(*figures, "added_over_iptables_legacy");
            rows.push_back({name, micro(number(*figures, "connect_added_p50_ns")),
                            ends ? micro(ends->first) + " to " + micro(ends->second) : "",
                            ratio == 0 ? "" : fmt::format("{:.3f}", ratio), micro(number(*figures, "connect_p50_ns")),
                            micro(number(*figures, "connect_p90_ns")), micro(number(*figures, "connect_p99_ns")),
                            micro(number(*figures, "connect_p999_ns")),
                            fmt::format("{:.2f}", number(*figures, "connect_p99_over_direct"))});
        }
        if (!rows.empty())
            text +=
                fmt::format("<h3>{}</h3>\n", title) + table({"arm", "added p50", "95 % interval", "× iptables-legacy",
                                                             "p50", "p90", "p99", "p99.9", "p99 × direct"},
                                                            rows);
    }
    std::vector<std::vector<std::string>> proofs;
    for (const auto& [name, arm] : arms.items())
        if (arm.contains("proof"))
            proofs.push_back({name, std::to_string(arm["proof"].value("right_destination", std::uint64_t{0}))});
    return text + "<p class=\"soft\">Microseconds.</p>\n<h3>Proven connections</h3>\n" +
           table({"arm", "connections"}, proofs) +
           "<p class=\"soft\">Each connection was counted by the redirection and seen by the proxy with the "
           "destination that was dialled.</p>\n";
}

std::string programs(const Json& report) {
    if (!report.contains("programs") || report["programs"].empty()) return {};
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : report["programs"])
        rows.push_back({one.value("arm", ""), one.value("family", ""), one.value("program", ""),
                        fmt::format("{:.1f}", number(one, "runs_per_connection")),
                        fmt::format("{:.0f}", number(one, "ns_per_run")),
                        fmt::format("{} B", one.value("machine_bytes", 0))});
    return "<h2>BPF programs</h2>\n" +
           table({"arm", "family", "program", "runs per connection", "ns per run", "machine code"}, rows) +
           "<p class=\"soft\">By the kernel's statistics, whose own 50 ns are in each run.</p>\n";
}

// What a browser has to know before the body. The policy forbids it to load or to send anything.
std::string opening() {
    return std::string(
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
               "style-src 'unsafe-inline'\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>shunt bench</title>\n"
               "<style>\n")
        .append(kPageStyle)
        .append(
            "</style>\n<noscript><style>.plot { display: none; }</style></noscript>\n</head>\n<body><main>\n"
            "<noscript><p>The plots need JavaScript; the tables have their figures.</p></noscript>\n");
}

std::string closing() {
    return std::string(
               "<footer>Made by <code>shunt bench</code>; method and limits: "
               "docs/benchmark.md</footer>\n</main>\n<!--\n")
        .append(kChartLicence)
        .append("-->\n<script>\n")
        .append(kChartLibrary)
        .append("</script>\n<script>\n")
        .append(kPageScript)
        .append("</script>\n</body>\n</html>\n");
}

}  // namespace

std::string to_page(const Json& report) {
    const auto& arms = report["arms"];
    std::string text = opening() + head(report) + cards(arms);
    text +=
        "<h2>Added to connect()</h2>\n<p class=\"soft\">Median over batches of the difference to direct in the same "
        "round; the thin line is its 95 % interval. direct-again is direct once more: differences below it are "
        "noise.</p>\n";
    for (const auto& [family, title] : kFamilies)
        if (const auto chart = added(arms, family, title); !chart.bars.empty())
            text += fmt::format("<h3>{}</h3>\n", title) + figure(chart);
    if (const auto chart = distribution(arms, "v4"); !chart.lines.empty())
        text += "<h2>Distribution, IPv4</h2>\n<p class=\"soft\">Up to the 99th percentile.</p>\n" + figure(chart);
    text += stages_of(report) + details(arms) + programs(report);
    for (const auto& skipped : report["skipped"])
        text += fmt::format("<p>Left out: {}: {}</p>\n", escape_html(skipped.value("arm", "")),
                            escape_html(skipped.value("reason", "")));
    return text + closing();
}

}  // namespace shunt::bench
