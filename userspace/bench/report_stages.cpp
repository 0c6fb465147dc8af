// SPDX-License-Identifier: Apache-2.0
#include "bench/report_stages.h"

#include <fmt/format.h>

#include <cmath>

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string microseconds(double ns) { return fmt::format("{:.2f}", ns / 1000); }
double rounded(double value) { return std::round(value * 1000) / 1000; }
Json interval(const Estimate& estimate) { return Json::array({rounded(estimate.low), rounded(estimate.high)}); }

}  // namespace

Json proof_json(const ArmProof& proof) {
    return {{"connections", proof.connections},
            {"redirected", proof.hits ? Json(*proof.hits) : Json(nullptr)},
            {"seen_by_proxy", proof.seen},
            {"right_destination", proof.right}};
}

std::string stages_text(const Report& report) {
    std::string text;
    if (report.growth) {
        text += fmt::format("\n{:<21} {:<10} {:>8} {:>19} {:>16}\n", "growth, IPv4", "of", "entries", "added p50, us",
                            "one change, ms");
        for (const auto& point : report.growth->points)
            text += fmt::format(
                "{:<21} {:<10} {:>8} {:>19} {:>16.1f}\n", point.arm, to_string(point.kind), point.entries,
                point.figures.distinguishable ? microseconds(point.figures.added_p50.value) : "not distinguishable",
                point.apply_ms);
    }
    if (!report.echo.empty())
        text += fmt::format("\n{:<21} {:>13} {:>13} {:>10}  {}\n", "established", "32 B trip, us", "16 KiB, us", "GB/s",
                            "32 B trip x direct [95 %]");
    for (const auto& one : report.echo) {
        const auto ratio =
            fmt::format("{:.3f} [{:.3f}, {:.3f}]", one.over_direct.value, one.over_direct.low, one.over_direct.high);
        text +=
            fmt::format("{:<21} {:>13} {:>13} {:>10.2f}  {}\n", one.arm, microseconds(one.round_trip_small_ns),
                        microseconds(one.round_trip_large_ns), one.bytes_per_second / 1e9,
                        one.distinguishable || one.arm.starts_with("direct") ? ratio : "not distinguishable from 1");
    }
    for (const auto& [name, figures] : report.proxies) {
        text += fmt::format("\n{:<21} {:>11} {:>9} {:>9} {:>15} {:>14}\n", "new, through " + name, "per second",
                            "p50, us", "p99, us", "client CPU, us", "proxy CPU, us");
        for (const auto& one : figures)
            text +=
                fmt::format("{:<21} {:>11.0f} {:>9} {:>9} {:>15.1f} {:>14.1f}\n", one.arm, one.per_second,
                            microseconds(one.p50_ns), microseconds(one.p99_ns), one.client_cpu_us, one.proxy_cpu_us);
    }
    if (!report.capacity.empty()) text += fmt::format("\n{:<21} {:>11}\n", "live connections", "reached");
    for (const auto& one : report.capacity)
        text += fmt::format("{:<21} {:>11}  {}\n", one.arm, one.connections, one.ended_by);
    if (report.start)
        text += fmt::format("\nstart to protected: {:.0f} ms; resident: {:.1f} MB (median of {} starts, largest)\n",
                            report.start->protected_ms, report.start->resident_mb, report.start->runs);
    return text;
}

Json stages_json(const Report& report) {
    Json stages = Json::object();
    if (report.growth) {
        stages["growth"] = Json::array();
        for (const auto& point : report.growth->points)
            stages["growth"].push_back({{"arm", point.arm},
                                        {"kind", to_string(point.kind)},
                                        {"entries", point.entries},
                                        {"connect_added_p50_ns", rounded(point.figures.added_p50.value)},
                                        {"connect_added_p50_interval_ns", interval(point.figures.added_p50)},
                                        {"distinguishable_from_direct", point.figures.distinguishable},
                                        {"apply_ms", rounded(point.apply_ms)}});
    }
    for (const auto& one : report.echo)
        stages["established"].push_back({{"arm", one.arm},
                                         {"round_trip_32_ns", rounded(one.round_trip_small_ns)},
                                         {"round_trip_16384_ns", rounded(one.round_trip_large_ns)},
                                         {"bytes_per_second", std::round(one.bytes_per_second)},
                                         {"round_trip_over_direct", rounded(one.over_direct.value)},
                                         {"round_trip_over_direct_interval", interval(one.over_direct)},
                                         {"distinguishable_from_direct", one.distinguishable}});
    for (const auto& [name, figures] : report.proxies)
        for (const auto& one : figures)
            stages[name].push_back({{"arm", one.arm},
                                    {"connections", one.connections},
                                    {"per_second", std::round(one.per_second)},
                                    {"p50_ns", one.p50_ns},
                                    {"p99_ns", one.p99_ns},
                                    {"client_cpu_us_per_connection", rounded(one.client_cpu_us)},
                                    {"proxy_cpu_us_per_connection", rounded(one.proxy_cpu_us)},
                                    {"cpu_us_per_connection", rounded(one.client_cpu_us + one.proxy_cpu_us)},
                                    {"proof", proof_json(one.proof)}});
    for (const auto& one : report.capacity)
        stages["capacity"].push_back({{"arm", one.arm}, {"connections", one.connections}, {"ended_by", one.ended_by}});
    if (report.start)
        stages["start"] = {{"protected_ms", rounded(report.start->protected_ms)},
                           {"resident_mb", rounded(report.start->resident_mb)},
                           {"runs", report.start->runs}};
    return stages;
}

}  // namespace shunt::bench
