// SPDX-License-Identifier: Apache-2.0
#include "bench/stages.h"

#include <sched.h>

#include <algorithm>
#include <array>

namespace shunt::bench {
namespace {

constexpr unsigned kProgramBatches = 20;
constexpr unsigned kStarts = 5;
constexpr double kConnectPart = 0.25, kGrowthPart = 0.08;  // of the time; the rest is set-up and the other stages
constexpr double kLongRun = 120;                           // seconds from which capacity is looked for in full
constexpr unsigned kShortCapacity = 40000, kLongCapacity = 200000;
constexpr std::array<const char*, 7> kTrafficArms{"direct",   "direct-again",  "iptables-legacy", "iptables-nft",
                                                  "nftables", "shunt-address", "shunt-record"};

// The last CPU this process may run on: the first ones serve interrupts.
int measuring_cpu() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return -1;
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
    ConnectPlan plan{.rounds = options.rounds,
                     .seconds = kConnectPart * options.seconds,
                     .seed = options.seed,
                     .families = options.families};
    auto connects = run_connects(arms, plan, [&](double part) { return progress("connect", part); });
    if (!connects) return tl::unexpected(connects.error());
    if (auto proven = check(connects->proofs); !proven) return proven;
    report.proofs = connects->proofs;
    report.connect = summarise(connects->series, options.seed);
    if (!runs(options, "programs")) return {};
    const bool brief = options.rounds > 0 && options.rounds < kProgramBatches;
    auto programs = run_programs(arms, brief ? options.rounds : kProgramBatches, plan,
                                 [&](double part) { return progress("programs", part); });
    if (!programs) return tl::unexpected(programs.error());
    report.programs = std::move(*programs);
    return {};
}

base::Status measure_growth(const Options& options, const Workplace& place, const StageProgress& progress,
                            Report& report) {
    static const std::vector<unsigned> kSizes{10, 100, 1000, 10000, 100000};
    const ConnectPlan plan{.rounds = options.rounds,
                           .seconds = kGrowthPart * options.seconds,
                           .seed = options.seed,
                           .families = {Family::kV4}};
    auto growth = run_growth(place, options.entries.empty() ? kSizes : options.entries, plan, measuring_cpu(),
                             [&](double part) { return progress("growth", part); });
    if (!growth) return tl::unexpected(growth.error());
    if (auto proven = check(growth->proofs); !proven) return proven;
    report.growth = std::move(*growth);
    return {};
}

// The arms that real traffic goes through; a stage's processes are the ends.
base::Result<std::vector<Arm>> start_traffic_arms(const Options& options, const Workplace& place) {
    std::vector<Arm> arms;
    for (const auto& spec : all_arms()) {
        const auto& names = kTrafficArms;
        if (std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
        if (!is_wanted(options, spec) || !missing_for(spec).empty()) continue;
        auto arm = Arm::start(place, spec, options.policy, measuring_cpu(), {}, "traffic-" + spec.name, Ends::kNone);
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
    }
    return arms;
}

unsigned traffic_rounds(const Options& options) {
    const auto by_time = std::max(10u, static_cast<unsigned>(options.seconds / 3));
    return options.rounds > 0 ? std::min(options.rounds, by_time) : by_time;
}

base::Status measure_proxy(RealProxy proxy, const Options& options, const Workplace& place, std::vector<Arm>& arms,
                           const StageProgress& progress, Report& report) {
    const std::string name = to_string(proxy);
    if (!runs(options, name)) return {};
    if (auto reason = missing_for(proxy); !reason.empty()) {
        report.skipped.push_back({name, reason});
        return {};
    }
    auto measured = run_proxy(proxy, place, arms, traffic_rounds(options), measuring_cpu(), options.seed,
                              [&](double part) { return progress(name, part); });
    if (!measured) return base::fail(name + ": " + measured.error().message);
    if (auto proven = check(measured->proofs); !proven) return proven;
    report.proxies.emplace_back(name, std::move(measured->figures));
    return {};
}

base::Status measure_traffic(const Options& options, const Workplace& place, const StageProgress& progress,
                             Report& report) {
    if (!progress("set up traffic", 0)) return base::fail("interrupted");
    auto arms = start_traffic_arms(options, place);
    if (!arms) return tl::unexpected(arms.error());
    const int cpu = measuring_cpu();
    if (runs(options, "echo")) {
        auto echo = run_echo(place, *arms, traffic_rounds(options), cpu, options.seed,
                             [&](double part) { return progress("established connections", part); });
        if (!echo) return tl::unexpected(echo.error());
        report.echo = std::move(*echo);
    }
    for (const auto proxy : {RealProxy::kHaproxy, RealProxy::kEnvoy})
        if (auto done = measure_proxy(proxy, options, place, *arms, progress, report); !done) return done;
    if (!runs(options, "capacity")) return {};
    const unsigned limit = options.connections > 0      ? options.connections
                           : options.seconds < kLongRun ? kShortCapacity
                                                        : kLongCapacity;
    auto capacity = run_capacity(place, *arms, limit, options.seconds < kLongRun ? 2 : 20, cpu,
                                 [&](double part) { return progress("capacity", part); });
    if (!capacity) return tl::unexpected(capacity.error());
    report.capacity = std::move(*capacity);
    return {};
}

bool runs_traffic(const Options& options) {
    for (const char* stage : {"echo", "haproxy", "envoy", "capacity"})
        if (runs(options, stage)) return true;
    return false;
}

}  // namespace

base::Status measure(const Options& options, const Workplace& place, const StageProgress& progress, Report& report) {
    if (auto done = measure_arms(options, place, progress, report); !done) return done;
    if (runs(options, "growth"))
        if (auto done = measure_growth(options, place, progress, report); !done) return done;
    if (runs_traffic(options))
        if (auto done = measure_traffic(options, place, progress, report); !done) return done;
    if (!runs(options, "start")) return {};
    if (!progress("start", 0)) return base::fail("interrupted");
    auto start = run_starts(place, kStarts);
    if (!start) return tl::unexpected(start.error());
    report.start = *start;
    return {};
}

}  // namespace shunt::bench
