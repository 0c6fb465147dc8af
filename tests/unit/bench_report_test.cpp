// SPDX-License-Identifier: Apache-2.0
// What is made of a finished run: JSON, the comparison of two; bench_page_test.cpp has the page.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "bench/compare.h"
#include "bench/histogram_text.h"
#include "bench/report_json.h"

namespace shunt::bench {
namespace {

Figures figures_of(const std::string& arm, double added, double interval) {
    Figures figures{.arm = arm, .family = Family::kV4};
    figures.p50 = 5000 + added;
    figures.added_p50 = {added, added - interval, added + interval};
    figures.distinguishable = added > 100;
    figures.histogram.add(static_cast<std::uint64_t>(figures.p50), 10);
    figures.connections = 10;
    return figures;
}

Report report_of(double shunt_added, double noise) {
    Report report;
    report.machine.cpu = "a <CPU>";
    report.machine.kernel = "6.1.0";
    report.connect.noise_ns = {{Family::kV4, noise}};
    report.connect.figures = {figures_of("direct", 0, 10), figures_of("iptables-legacy", 4000, 100),
                              figures_of("shunt-address", shunt_added, 50)};
    for (const auto& figures : report.connect.figures)
        report.proofs.push_back({.arm = figures.arm, .connections = 10, .hits = 10, .seen = 10, .right = 10});
    return report;
}

TEST(BenchReport, JsonHasTheKeysThatScriptsAsk) {
    const auto json = to_json(report_of(500, 40));
    EXPECT_EQ(json["shunt_bench"], kReportVersion);
    EXPECT_EQ(json["arms"]["shunt-address"]["connect_added_p50_ns"], 500);
    EXPECT_EQ(json["arms"]["shunt-address"]["histogram"]["total"], 10);
    const auto histogram = histogram_of(json["arms"]["shunt-address"]["histogram"]["hdr"].get<std::string>());
    EXPECT_EQ(histogram->quantile(0.5), 5502u);  // the middle of the bucket that 5,500 lies in
    EXPECT_EQ(json["noise_ns"]["v4"], 40);
}

TEST(BenchReport, CompareSaysWhatIsBelowTheNoise) {
    const auto a = to_json(report_of(500, 40));
    const auto row = [&](const Report& b) { return compare(a, to_json(b)).rows.at(1); };
    EXPECT_TRUE(row(report_of(900, 40)).distinguishable);
    EXPECT_FALSE(row(report_of(900, 500)).distinguishable);  // noise of one run is larger
    EXPECT_FALSE(row(report_of(560, 40)).distinguishable);   // intervals overlap
    EXPECT_NE(to_text(compare(a, to_json(report_of(900, 40)))).find("+0.400"), std::string::npos);
    EXPECT_NE(to_text(compare(a, to_json(report_of(560, 40)))).find("not distinguishable"), std::string::npos);
    auto other = report_of(500, 40);
    other.machine.kernel = "6.12.0";
    EXPECT_EQ(compare(a, to_json(other)).notes.size(), 1u);
}

TEST(BenchReport, OtherFilesAreNamed) {
    const auto path = std::filesystem::temp_directory_path() / ("shunt-bench-report-" + std::to_string(getpid()));
    const auto refused = [&](const std::string& text, const std::string& words) {
        std::ofstream(path) << text;
        const auto read = read_report(path.string());
        ASSERT_FALSE(read) << text;
        EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
    };
    refused("{", "not a report");
    refused("[]", "not a report");
    refused("{\"arms\": {}}", "not a report");
    refused("{\"shunt_bench\": 99}", "a report of version 99; this shunt reads version 2");
    refused("{\"shunt_bench\": 1, \"arms\": {}}", "a report of version 1; this shunt reads version 2");
    refused("{\"shunt_bench\": 2, \"arms\": {}}", "\"machine\" is missing");
    std::ofstream(path) << to_json(report_of(500, 40)).dump();
    EXPECT_TRUE(read_report(path.string()));
    std::filesystem::remove(path);
    EXPECT_FALSE(read_report(path.string()));
}

}  // namespace
}  // namespace shunt::bench
