// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <sched.h>

#include <algorithm>

#include "base/text.h"

namespace shunt::bench {
namespace {

constexpr unsigned kProgramBatches = 20;
constexpr unsigned kStarts = 5;
constexpr double kConnectPart = 0.55, kGrowthPart = 0.15;  // of the time

// The last CPU this process may run on: the first ones serve interrupts.
int measuring_cpu() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return -1;
}

base::Status check_names(const char* what, const std::vector<std::string>& wanted,
                         const std::vector<std::string_view>& names) {
    for (const auto& name : wanted)
        if (std::find(names.begin(), names.end(), name) == names.end())
            return base::fail(
                std::string("there is no ") + what + " " + base::quoted(name) + base::did_you_mean(name, names),
                base::ExitCode::kUsage);
    return {};
}

base::Status check_names(const Options& options) {
    std::vector<std::string_view> arms, stages{all_stages().begin(), all_stages().end()};
    for (const auto& spec : all_arms()) arms.push_back(spec.name);
    if (auto known = check_names("arm", options.arms, arms); !known) return known;
    return check_names("stage", options.stages, stages);
}

bool runs(const Options& options, const std::string& stage) {
    return options.stages.empty() ||
           std::find(options.stages.begin(), options.stages.end(), stage) != options.stages.end();
}

bool is_wanted(const Options& options, const ArmSpec& spec) {
    return options.arms.empty() || spec.mechanism == Mechanism::kNone ||
           std::find(options.arms.begin(), options.arms.end(), spec.name) != options.arms.end();
}

// The arms with the whole policy: connect() and the programs.
base::Status measure_arms(const Options& options, const Workplace& place, const StageProgress& progress,
                          Report& report) {
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
    ConnectPlan plan{.rounds = options.rounds, .seconds = kConnectPart * options.seconds, .seed = options.seed};
    auto connects = run_connects(arms, plan, [&](double part) { return progress("connect", part); });
    if (!connects) return tl::unexpected(connects.error());
    if (auto proven = check(connects->proofs); !proven) return proven;
    report.proofs = connects->proofs;
    report.connect = summarise(connects->series, options.seed);
    if (!runs(options, "programs")) return {};
    const bool brief = options.rounds > 0 && options.rounds < kProgramBatches;
    auto programs = run_programs(arms, brief ? options.rounds : kProgramBatches, plan.batch, options.seed,
                                 [&](double part) { return progress("programs", part); });
    if (!programs) return tl::unexpected(programs.error());
    report.programs = std::move(*programs);
    return {};
}

base::Status measure_growth(const Options& options, const Workplace& place, const StageProgress& progress,
                            Report& report) {
    static const std::vector<unsigned> kSizes{10, 100, 1000, 10000, 100000};
    const ConnectPlan plan{
        .rounds = options.rounds, .seconds = kGrowthPart * options.seconds, .seed = options.seed, .only_v4 = true};
    auto growth = run_growth(place, options.entries.empty() ? kSizes : options.entries, plan, measuring_cpu(),
                             [&](double part) { return progress("growth", part); });
    if (!growth) return tl::unexpected(growth.error());
    if (auto proven = check(growth->proofs); !proven) return proven;
    report.growth = std::move(*growth);
    return {};
}

base::Status measure(const Options& options, const Workplace& place, const StageProgress& progress, Report& report) {
    if (auto done = measure_arms(options, place, progress, report); !done) return done;
    if (runs(options, "growth"))
        if (auto done = measure_growth(options, place, progress, report); !done) return done;
    if (!runs(options, "start")) return {};
    if (!progress("start", 0)) return base::fail("interrupted");
    auto start = run_starts(place, kStarts);
    if (!start) return tl::unexpected(start.error());
    report.start = *start;
    return {};
}

}  // namespace

const std::vector<std::string>& all_stages() {
    static const std::vector<std::string> stages{"programs", "growth", "start"};
    return stages;
}

base::Result<Report> run(const Options& options, const StageProgress& progress) {
    if (auto known = check_names(options); !known) return tl::unexpected(known.error());
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
