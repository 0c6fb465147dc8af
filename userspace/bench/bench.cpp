// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <sched.h>

#include <algorithm>

#include "base/text.h"

namespace shunt::bench {
namespace {

constexpr unsigned kProgramBatches = 20;

// The last CPU this process may run on: the first ones serve interrupts.
int measuring_cpu() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return -1;
}

base::Status check_names(const std::vector<std::string>& wanted) {
    std::vector<std::string_view> names;
    for (const auto& spec : all_arms()) names.push_back(spec.name);
    for (const auto& name : wanted)
        if (std::find(names.begin(), names.end(), name) == names.end())
            return base::fail("there is no arm " + base::quoted(name) + base::did_you_mean(name, names),
                              base::ExitCode::kUsage);
    return {};
}

bool is_wanted(const Options& options, const ArmSpec& spec) {
    return options.arms.empty() || spec.mechanism == Mechanism::kNone ||
           std::find(options.arms.begin(), options.arms.end(), spec.name) != options.arms.end();
}

base::Status measure(const Options& options, const Workplace& place, const StageProgress& progress, Report& report) {
    std::vector<Arm> arms;
    const int cpu = measuring_cpu();
    for (const auto& spec : all_arms()) {
        if (!is_wanted(options, spec)) continue;
        if (auto reason = missing_for(spec); !reason.empty()) {
            report.skipped.push_back({spec.name, reason});
            continue;
        }
        if (!progress("set up " + spec.name, static_cast<double>(arms.size()) / static_cast<double>(all_arms().size())))
            return base::fail("interrupted");
        auto arm = Arm::start(place, spec, options.policy, cpu);
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
    }
    ConnectPlan plan{.rounds = options.rounds, .seconds = options.seconds, .seed = options.seed};
    auto connects = run_connects(arms, plan, [&](double part) { return progress("connect", part); });
    if (!connects) return tl::unexpected(connects.error());
    if (auto proven = check(connects->proofs); !proven) return proven;
    report.proofs = connects->proofs;
    report.connect = summarise(connects->series, options.seed);
    const bool brief = options.rounds > 0 && options.rounds < kProgramBatches;
    auto programs = run_programs(arms, brief ? options.rounds : kProgramBatches, plan.batch, options.seed,
                                 [&](double part) { return progress("programs", part); });
    if (!programs) return tl::unexpected(programs.error());
    report.programs = std::move(*programs);
    return {};
}

}  // namespace

base::Result<Report> run(const Options& options, const StageProgress& progress) {
    if (auto known = check_names(options.arms); !known) return tl::unexpected(known.error());
    auto place = Workplace::make();
    if (!place) return tl::unexpected(place.error());
    Report report{.machine = describe_machine(), .options = options};
    const auto measured = measure(options, *place, progress, report);
    const auto removed = place->remove();
    if (!measured) return tl::unexpected(measured.error());
    if (!removed) return tl::unexpected(removed.error());
    return report;
}

}  // namespace shunt::bench
