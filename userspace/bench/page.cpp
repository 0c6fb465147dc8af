// SPDX-License-Identifier: Apache-2.0
#include "bench/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "bench/histogram_text.h"
#include "bench/page_stages.h"
#include "bench/page_style.h"
#include "bench/plots.h"

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

std::string added(const Json& report, const std::string& family) {
    std::vector<Bar> list;
    for (const auto& [name, arm] : report["arms"].items()) {
        const auto* figures = figures_of(arm, family);
        if (name == "direct" || figures == nullptr) continue;
        const auto value = number(*figures, "connect_added_p50_ns");
        Bar bar{name, name, value, 0, 0, micro(value) + " µs"};
        if (!figures->value("distinguishable_from_direct", false)) bar.text = "within noise";
        if (const auto& interval = (*figures)["connect_added_p50_interval_ns"]; interval.size() == 2) {
            bar.low = interval[0];
            bar.high = interval[1];
        }
        list.push_back(bar);
    }
    return bars(list);
}

std::string distribution(const Json& arms, const std::string& family) {
    std::vector<Line> lines;
    double low = 0, high = 0;
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
        if (line.points.empty()) continue;
        low = low == 0 ? line.points.front().first : std::min(low, line.points.front().first);
        high = std::max(high, line.points.back().first);
        lines.push_back(std::move(line));
    }
    return lines.empty() ? ""
                         : line_chart(lines, {"connect(), µs", true, low, high}, {"% of connections", false, 0, 100});
}

std::string details(const Json& arms) {
    std::string text =
        "<h2>Figures</h2>\n<div "
        "class=\"wide\"><table><tr><th>arm</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
        "<th>p99 × direct</th><th>× iptables-legacy</th><th>proven connections</th></tr>\n";
    for (const auto& [name, arm] : arms.items()) {
        if (!arm.contains("connect_p50_ns")) continue;
        const auto ratio = number(arm, "added_over_iptables_legacy");
        text += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td><td>{}</td>"
            "<td>{}</td></tr>\n",
            escape_html(name), micro(number(arm, "connect_p50_ns")), micro(number(arm, "connect_p90_ns")),
            micro(number(arm, "connect_p99_ns")), micro(number(arm, "connect_p999_ns")),
            number(arm, "connect_p99_over_direct"), ratio == 0 ? "" : fmt::format("{:.3f}", ratio),
            arm.contains("proof") ? arm["proof"].value("right_destination", std::uint64_t{0}) : 0);
    }
    return text +
           "</table></div>\n<p class=\"soft\">Microseconds, IPv4. Each connection was counted by the redirection "
           "and seen by the proxy with the destination that was dialled.</p>\n";
}

std::string programs(const Json& report) {
    if (!report.contains("programs") || report["programs"].empty()) return {};
    std::string text =
        "<h2>BPF programs</h2>\n<div class=\"wide\"><table><tr><th>arm</th><th>family</th><th>program</th>"
        "<th>runs per connection</th><th>ns per run</th><th>machine code</th></tr>\n";
    for (const auto& one : report["programs"])
        text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.1f}</td><td>{:.0f}</td><td>{} B</td></tr>\n",
                            escape_html(one.value("arm", "")), escape_html(one.value("family", "")),
                            escape_html(one.value("program", "")), number(one, "runs_per_connection"),
                            number(one, "ns_per_run"), one.value("machine_bytes", 0));
    return text +
           "</table></div>\n<p class=\"soft\">By the kernel's statistics, whose own 50 ns are in each run.</p>\n";
}

}  // namespace

std::string to_page(const Json& report) {
    const auto& arms = report["arms"];
    std::string text =
        std::string(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
            "content=\"width=device-width, initial-scale=1\">\n<title>shunt bench</title>\n<style>") +
        kPageStyle + "</style>\n</head>\n<body><main>\n" + head(report) + cards(arms);
    text +=
        "<h2>Added to connect()</h2>\n<p class=\"soft\">Median over batches of the difference to direct in the same "
        "round, with its 95 % interval. direct-again is direct once more: differences below it are noise.</p>\n";
    for (const auto& [family, title] : kFamilies)
        if (const auto list = added(report, family); list.find("class=\"name\"") != std::string::npos)
            text += fmt::format("<h3>{}</h3>\n", title) + list;
    text +=
        "<h2>Distribution, IPv4</h2>\n<p class=\"soft\">Up to the 99th percentile.</p>\n" + distribution(arms, "v4");
    text += stages_of(report) + details(arms) + programs(report);
    for (const auto& skipped : report["skipped"])
        text += fmt::format("<p>Left out: {}: {}</p>\n", escape_html(skipped.value("arm", "")),
                            escape_html(skipped.value("reason", "")));
    return text +
           "<footer>Made by <code>shunt bench</code>; method and limits: docs/benchmark.md</footer>\n</main></body>\n"
           "</html>\n";
}

}  // namespace shunt::bench
