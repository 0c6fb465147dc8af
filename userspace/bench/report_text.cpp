// SPDX-License-Identifier: Apache-2.0
#include "bench/report_text.h"

#include <fmt/format.h>

#include "bench/report_stages.h"

namespace shunt::bench {
namespace {

std::string microseconds(double ns) { return fmt::format("{:.2f}", ns / 1000); }

std::string added(const Figures& figures) {
    if (figures.arm == "direct") return "-";
    if (!figures.distinguishable) return "not distinguishable";
    return fmt::format("{} [{}, {}]", microseconds(figures.added_p50.value), microseconds(figures.added_p50.low),
                       microseconds(figures.added_p50.high));
}

std::string against_legacy(const Figures& figures) {
    if (figures.over_legacy.value == 0 || !figures.distinguishable) return "-";
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", figures.over_legacy.value, figures.over_legacy.low,
                       figures.over_legacy.high);
}

}  // namespace

std::string to_text(const Report& report) {
    const auto& machine = report.machine;
    std::string text = fmt::format("{}, kernel {}, {} CPUs{}, {}\n", machine.cpu, machine.kernel, machine.cpus,
                                   machine.hypervisor.empty() ? "" : " (" + machine.hypervisor + ")", machine.date);
    for (const auto& [family, noise] : report.connect.noise_ns) {
        text += fmt::format("\nconnect(), {}, microseconds; noise (direct against direct) {} us\n", to_string(family),
                            microseconds(noise));
        text += fmt::format("{:<21} {:>7} {:>7} {:>7} {:>7}  {:<21} {:<22} {}\n", "arm", "p50", "p90", "p99", "p99.9",
                            "added p50 [95 %]", "x iptables-legacy", "p99 x direct");
        for (const auto& figures : report.connect.figures)
            if (figures.family == family)
                text += fmt::format("{:<21} {:>7} {:>7} {:>7} {:>7}  {:<21} {:<22} {:.2f}\n", figures.arm,
                                    microseconds(figures.p50), microseconds(figures.p90), microseconds(figures.p99),
                                    microseconds(figures.p999), added(figures), against_legacy(figures),
                                    figures.p99_over_direct.value);
    }
    if (!report.programs.empty())
        text += fmt::format("\n{:<21} {:<7} {:<17} {:>12} {:>10} {:>13}\n", "BPF programs", "family", "program",
                            "runs/connect", "ns per run", "machine bytes");
    for (const auto& cost : report.programs)
        text += fmt::format("{:<21} {:<7} {:<17} {:>12.2f} {:>10.0f} {:>13}\n", cost.arm, to_string(cost.family),
                            cost.program, cost.runs_per_connection, cost.ns_per_run, cost.machine_bytes);
    text += stages_text(report);
    std::uint64_t connections = 0;
    for (const auto& proof : report.proofs) connections += proof.connections;
    text += fmt::format(
        "\nproven: {} connections, each redirected as its arm counts and seen by the proxy with its "
        "original destination\n",
        connections);
    for (const auto& skipped : report.skipped) text += fmt::format("skipped: {}: {}\n", skipped.arm, skipped.reason);
    return text;
}

}  // namespace shunt::bench
