// SPDX-License-Identifier: Apache-2.0
// The page of a run: the data of its charts, read back as a browser would; that nothing leaves its place; that nothing
// is loaded. What the charts look like is not judged here.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/arms.h"
#include "bench/page.h"
#include "bench/page_parts.h"
#include "bench/report_json.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

Figures figures_of(const std::string& arm, double added, Family family = Family::kV4) {
    Figures figures{.arm = arm, .family = family};
    figures.p50 = 5000 + added;
    figures.added_p50 = {added, added - 50, added + 50};
    figures.distinguishable = added > 100;
    figures.histogram.add(1000, 100);
    figures.histogram.add(2000, 100);
    figures.connections = 200;
    return figures;
}

Report report_of() {
    Report report;
    report.machine.cpu = "a <CPU>";
    report.connect.figures = {figures_of("direct", 0), figures_of("iptables-legacy", 4000),
                              figures_of("shunt-address", 80), figures_of("shunt-record", 1900, Family::kV6)};
    return report;
}

// A page is too long to be printed by a failed comparison.
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// What stands between two words, for each time that they come.
std::vector<std::string> between(const std::string& text, const std::string& begin, const std::string& end) {
    std::vector<std::string> found;
    for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
        at += begin.size();
        found.push_back(text.substr(at, text.find(end, at) - at));
    }
    return found;
}

std::vector<Json> charts_of(const std::string& page) {
    std::vector<Json> charts;
    for (const auto& text : between(page, "<script type=\"application/json\">", "</script"))
        charts.push_back(Json::parse(text));
    return charts;
}

std::string without(std::string text, std::string_view part) {
    const auto at = text.find(part);
    EXPECT_NE(at, std::string::npos);
    return at == std::string::npos ? text : text.erase(at, part.size());
}

TEST(BenchPage, BarsAreTheAddedCostWithItsInterval) {
    const auto charts = charts_of(to_page(to_json(report_of())));
    ASSERT_EQ(charts.size(), 3u);
    EXPECT_EQ(charts[0], Json::parse(R"({"type": "bars", "unit": "µs", "bars": [
        {"arm": "iptables-legacy", "value": 4.0, "text": "4.00 µs", "interval": [3.95, 4.05]},
        {"arm": "shunt-address", "value": 0.08, "text": "within noise", "interval": [0.03, 0.13]}]})"));
    EXPECT_EQ(charts[1], Json::parse(R"({"type": "bars", "unit": "µs", "bars": [
        {"arm": "shunt-record", "value": 1.9, "text": "1.90 µs", "interval": [1.85, 1.95]}]})"));
}

TEST(BenchPage, LinesAreTheDistributionOfEachArm) {
    const auto lines = charts_of(to_page(to_json(report_of()))).back();
    EXPECT_EQ(lines["x"], Json::parse(R"({"title": "connect(), µs", "logarithmic": true})"));
    EXPECT_EQ(lines["y"], Json::parse(R"({"title": "% of connections", "logarithmic": false, "ends": [0.0, 100.0]})"));
    ASSERT_EQ(lines["lines"].size(), 3u);
    const auto& legacy = lines["lines"][1];
    EXPECT_EQ(legacy["arm"], "iptables-legacy");
    ASSERT_EQ(legacy["points"].size(), 2u);  // half of the connections took 1 µs, all of them 2
    EXPECT_NEAR(legacy["points"][0][0].get<double>(), 1, 0.01);
    EXPECT_EQ(legacy["points"][0][1], 50);
    EXPECT_NEAR(legacy["points"][1][0].get<double>(), 2, 0.01);
    EXPECT_EQ(legacy["points"][1][1], 100);
}

TEST(BenchPage, StagesHaveChartsAndTables) {
    auto report = report_of();
    GrowthResult growth;
    for (const unsigned entries : {10u, 1000u})
        for (const auto kind : {Kind::kMixed, Kind::kPorts})
            growth.points.push_back({.arm = "shunt-address",
                                     .kind = kind,
                                     .entries = entries,
                                     .figures = figures_of("shunt-address", 500),
                                     .apply_ms = 34});
    report.growth = growth;
    report.echo = {{.arm = "shunt-address", .round_trip_small_ns = 4530, .bytes_per_second = 2.84e9}};
    report.proxies = {{"envoy",
                       {{.arm = "shunt-address",
                         .per_second = 10006,
                         .p50_ns = 77700,
                         .client_cpu_us = 22.9,
                         .proxy_cpu_us = 63.7}}}};
    report.capacity = {{.arm = "shunt-address", .connections = 28232, .ended_by = "EADDRNOTAVAIL"},
                       {.arm = "direct", .connections = 7500, .ended_by = kTimeIsOver},
                       {.arm = "shunt-record", .connections = 20000}};
    const auto page = to_page(to_json(report));
    const auto charts = charts_of(page);
    ASSERT_EQ(charts.size(), 10u);
    EXPECT_EQ(charts[3], Json::parse(R"({"type": "lines", "x": {"title": "entries", "logarithmic": true},
        "y": {"title": "added to connect(), µs", "logarithmic": true}, "lines": [
            {"label": "shunt-address", "arm": "shunt-address", "points": [[10.0, 0.5], [1000.0, 0.5]]},
            {"label": "shunt-address, ports", "arm": "shunt-address", "points": [[10.0, 0.5], [1000.0, 0.5]]}]})"));
    const auto bar = [&](std::size_t chart) { return charts[chart]["bars"][0]["text"].get<std::string>(); };
    EXPECT_EQ(bar(4), "10006");
    EXPECT_EQ(bar(5), "86.6");    // CPU time of both
    EXPECT_EQ(bar(6), "≈ 4.53");  // not distinguishable
    EXPECT_EQ(bar(8), "2.84");
    EXPECT_EQ(charts[9]["bars"], Json::parse(R"([{"arm": "shunt-address", "value": 28232.0, "text": "28232"},
        {"arm": "direct", "value": 7500.0, "text": "≥ 7500"}, {"arm": "shunt-record", "value": 20000.0, "text": "≥ 20000"}])"));
    EXPECT_TRUE(has(page, "<td>shunt-address</td><td>ports</td><td>1000</td><td>0.50</td><td>34</td>"));
    EXPECT_TRUE(has(page, "<td>10006</td><td>77.7</td><td>0.0</td><td>22.9</td><td>63.7</td>"));
    EXPECT_TRUE(has(page, "<td>28232</td><td>EADDRNOTAVAIL</td>"));
}

// Names come from the JSON of a run, and from programs' own words about their versions.
TEST(BenchPage, NamesStayText) {
    const std::string name = R"(</script><!--<script>"'&\ )"
                             "\xff";
    auto json = to_json(report_of());
    const auto usual = between(to_page(json), "<script", ">").size();
    json["arms"][name] = json["arms"]["iptables-legacy"];
    json["stages"]["capacity"] = {{{"arm", name}, {"connections", 1}, {"ended_by", name}}};
    json["machine"]["cpu"] = name;
    json["versions"] = {{"envoy", name}};
    json["skipped"] = {{{"arm", name}, {"reason", name}}};
    const auto page = to_page(json);
    EXPECT_EQ(between(page, "<script", ">").size(), usual + 1);  // the chart of the capacity
    const auto charts = charts_of(page);
    EXPECT_EQ(charts[0]["bars"][2]["arm"], R"(</script><!--<script>"'&\ )"
                                           "\uFFFD");
    EXPECT_FALSE(has(page, name));
    EXPECT_FALSE(has(page, "</script><!--"));
    EXPECT_TRUE(has(page, "&lt;/script&gt;&lt;!--&lt;script&gt;&quot;'&amp;\\ "));
}

TEST(BenchPage, LoadsNothing) {
    const auto page = without(without(to_page(to_json(report_of())), kChartLibrary), kChartLicence);
    for (const char* foreign : {"http:", "https:", "src=", "href=", "@import", "url("})
        EXPECT_FALSE(has(page, foreign)) << foreign;
    for (const auto& script : {std::string_view(page), kChartLibrary})
        for (const char* call :
             {"fetch(", "XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "import(", ".src="})
            EXPECT_FALSE(has(script, call)) << call;
    // And a browser is told not to.
    EXPECT_TRUE(has(page, "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\""));
}

TEST(BenchPage, HasTheLibraryItsLicenceAndOurScript) {
    EXPECT_TRUE(has(kChartLibrary, "Chart.js v3."));
    EXPECT_FALSE(has(kChartLibrary, "</script"));
    std::ifstream file(SHUNT_TESTS_DIR "/../userspace/bench/page.js");
    std::ostringstream script;
    script << file.rdbuf();
    EXPECT_TRUE(kPageScript == script.str());
    const auto page = to_page(to_json(report_of()));
    const auto licence = page.find("Permission is hereby granted, free of charge"), library = page.find(kChartLibrary);
    EXPECT_LT(licence, library);
    EXPECT_LT(library, page.find(kPageScript));
    EXPECT_TRUE(has(page, "</script>\n</body>\n</html>\n"));
}

TEST(BenchPage, EachArmHasItsColourInLightAndDark) {
    const std::string style(kPageStyle);
    for (const auto& arm : all_arms()) EXPECT_EQ(between(style, " --" + arm.name + ": #", ";").size(), 2u) << arm.name;
}

TEST(BenchPage, WithoutScriptsTheFiguresAreThere) {
    const auto page = to_page(to_json(report_of()));
    EXPECT_TRUE(has(page, "<noscript><p>The plots need JavaScript; the tables have their figures."));
    EXPECT_TRUE(has(page, "<td>iptables-legacy</td><td>4.00</td><td>3.95 to 4.05</td>"));
    EXPECT_TRUE(has(page, "<td>shunt-record</td><td>1.90</td><td>1.85 to 1.95</td>"));
    EXPECT_TRUE(has(page, "aria-label=\"Added to connect(), IPv4: iptables-legacy 4.00 µs; shunt-address within"));
    EXPECT_TRUE(has(page, "a &lt;CPU&gt;"));
}

}  // namespace
}  // namespace shunt::bench
