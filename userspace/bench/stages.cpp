// SPDX-License-Identifier: Apache-2.0
#include "bench/stages.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <map>

#include "bench/budget.h"

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kStarts = 5;
constexpr double kLongRun = 120;  // seconds from which capacity is looked for in full
constexpr unsigned kShortCapacity = 20000, kLongCapacity = 200000;
constexpr std::array<const char*, 7> kTrafficArms{"direct",   "direct-again",  "iptables-legacy", "iptables-nft",
                                                  "nftables", "shunt-address", "shunt-record"};
// How the time of a run is divided; each stage with its set-up.
const std::map<std::string, double> kWeights{{"connect", 20}, {"programs", 3}, {"growth", 12},  {"echo", 4},
                                             {"haproxy", 6},  {"envoy", 9},    {"capacity", 9}, {"start", 3}};

// The last CPU this process may run on: the first ones serve interrupts.
int measuring_cpu() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu)
        if (CPU_ISSET(cpu, &set)) return cpu;
    return -1;
}

bool runs(const Options& options, const std::string& stage) {
    return options.stages.empty() || stage == "connect" ||
           std::find(options.stages.begin(), options.stages.end(), stage) != options.stages.end();
}

bool is_wanted(const Options& options, const std::string& arm) {
    return options.arms.empty() || std::find(options.arms.begin(), options.arms.end(), arm) != options.arms.end();
}
bool is_wanted(const Options& options, const ArmSpec& spec) {
    return spec.mechanism == Mechanism::kNone || is_wanted(options, spec.name);
}

std::string missing_for_stage(const std::string& stage) {
    for (const auto proxy : {RealProxy::kHaproxy, RealProxy::kEnvoy})
        if (stage == to_string(proxy)) return missing_for(proxy);
    return {};
}

// What the stages share.
class Run {
public:
    Run(const Options& options, const Workplace& place, const StageProgress& progress, Report& report)
        : options_(options),
          place_(place),
          progress_(progress),
          report_(report),
          budget_(options.seconds, Clock::now()) {
        for (const auto& [stage, weight] : kWeights)
            if (runs(options, stage) && missing_for_stage(stage).empty()) budget_.add(weight);
    }

    base::Status connects();
    base::Status growth();
    base::Status traffic();
    base::Status starts();

private:
    // The stage begins; when it ends.
    Until begin(const std::string& stage) {
        began_ = Clock::now();
        return {.rounds = options_.rounds, .deadline = budget_.take(kWeights.at(stage), began_)};
    }
    void end(const std::string& stage) {
        report_.seconds.emplace_back(stage, std::chrono::duration<double>(Clock::now() - began_).count());
    }
    Progress showing(const std::string& stage) const {
        return [this, stage](double part) { return progress_(stage, part); };
    }
    ConnectPlan plan(const Until& until) const {
        return {.until = until, .seed = options_.seed, .families = options_.families};
    }

    base::Result<std::vector<Arm>> start_arms();
    base::Result<std::vector<Arm>> start_traffic_arms();
    base::Status programs(std::vector<Arm>& arms);
    base::Status echo(std::vector<Arm>& arms, const Until& until);
    base::Status proxy(RealProxy proxy, std::vector<Arm>& arms);
    base::Status capacity(std::vector<Arm>& arms);

    const Options& options_;
    const Workplace& place_;
    const StageProgress& progress_;
    Report& report_;
    Budget budget_;
    Moment began_;
};

base::Result<std::vector<Arm>> Run::start_arms() {
    std::vector<Arm> arms;
    for (const auto& spec : all_arms()) {
        if (!is_wanted(options_, spec)) continue;
        if (auto reason = missing_for(spec); !reason.empty()) {
            report_.skipped.push_back({spec.name, reason});
            continue;
        }
        if (!progress_("set up " + spec.name,
                       static_cast<double>(arms.size()) / static_cast<double>(all_arms().size())))
            return base::fail("interrupted");
        auto arm = Arm::start(place_, spec, options_.policy, measuring_cpu());
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
    }
    return arms;
}

// The arms with the whole policy: connect() and the programs.
base::Status Run::connects() {
    const auto until = begin("connect");
    auto arms = start_arms();
    if (!arms) return tl::unexpected(arms.error());
    auto connects = run_connects(*arms, plan(until), showing("connect"));
    if (!connects) return tl::unexpected(connects.error());
    if (auto proven = check(connects->proofs); !proven) return proven;
    report_.proofs = connects->proofs;
    report_.connect = summarise(connects->series, options_.seed);
    end("connect");
    return runs(options_, "programs") ? programs(*arms) : base::Status{};
}

base::Status Run::programs(std::vector<Arm>& arms) {
    const auto until = begin("programs");
    auto programs = run_programs(arms, plan(until), showing("programs"));
    if (!programs) return tl::unexpected(programs.error());
    report_.programs = std::move(*programs);
    end("programs");
    return {};
}

base::Status Run::growth() {
    const auto until = begin("growth");
    GrowthPlan wanted{.sizes = {10, 100, 1000, 10000, 100000}, .connects = plan(until)};
    wanted.connects.families = {Family::kV4};
    if (!options_.entries.empty()) wanted.sizes = options_.entries;
    if (!options_.kinds.empty()) wanted.kinds = options_.kinds;
    std::erase_if(wanted.arms, [&](const auto& name) { return !is_wanted(options_, name); });
    auto growth = run_growth(place_, wanted, measuring_cpu(), showing("growth"));
    if (!growth) return tl::unexpected(growth.error());
    if (auto proven = check(growth->proofs); !proven) return proven;
    report_.growth = std::move(*growth);
    end("growth");
    return {};
}

// The arms that real traffic goes through; a stage's processes are the ends.
base::Result<std::vector<Arm>> Run::start_traffic_arms() {
    std::vector<Arm> arms;
    for (const auto& spec : all_arms()) {
        const auto& names = kTrafficArms;
        if (std::find(names.begin(), names.end(), spec.name) == names.end()) continue;
        if (!is_wanted(options_, spec) || !missing_for(spec).empty()) continue;
        if (!progress_("set up traffic", static_cast<double>(arms.size()) / names.size()))
            return base::fail("interrupted");
        auto arm = Arm::start(place_, spec, options_.policy, measuring_cpu(), {}, "traffic-" + spec.name, Ends::kNone);
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
    }
    return arms;
}

base::Status Run::echo(std::vector<Arm>& arms, const Until& until) {
    auto echo = run_echo(place_, arms, until, measuring_cpu(), options_.seed, showing("established connections"));
    if (!echo) return tl::unexpected(echo.error());
    if (auto proven = check(echo->proofs); !proven) return proven;
    report_.echo = std::move(echo->figures);
    end("echo");
    return {};
}

base::Status Run::proxy(RealProxy proxy, std::vector<Arm>& arms) {
    const std::string name = to_string(proxy);
    if (!runs(options_, name)) return {};
    if (auto reason = missing_for(proxy); !reason.empty()) {
        report_.skipped.push_back({name, reason});
        return {};
    }
    const auto until = begin(name);
    auto measured = run_proxy(proxy, place_, arms, until, measuring_cpu(), options_.seed, showing(name));
    if (!measured) return base::fail(name + ": " + measured.error().message);
    std::vector<ArmProof> proofs;
    proofs.reserve(measured->size());
    for (const auto& one : *measured) proofs.push_back(one.proof);
    if (auto proven = check(proofs); !proven) return proven;
    report_.proxies.emplace_back(name, std::move(*measured));
    end(name);
    return {};
}

base::Status Run::capacity(std::vector<Arm>& arms) {
    const auto until = begin("capacity");
    const unsigned limit = options_.connections > 0      ? options_.connections
                           : options_.seconds < kLongRun ? kShortCapacity
                                                         : kLongCapacity;
    auto capacity = run_capacity(place_, arms, limit, until.deadline, measuring_cpu(), showing("capacity"));
    if (!capacity) return tl::unexpected(capacity.error());
    report_.capacity = std::move(*capacity);
    end("capacity");
    return {};
}

base::Status Run::traffic() {
    const auto& stages = {"echo", "haproxy", "envoy", "capacity"};
    if (std::none_of(stages.begin(), stages.end(), [&](const char* stage) { return runs(options_, stage); })) return {};
    Until until;
    if (runs(options_, "echo")) until = begin("echo");
    auto arms = start_traffic_arms();
    if (!arms) return tl::unexpected(arms.error());
    if (runs(options_, "echo"))
        if (auto done = echo(*arms, until); !done) return done;
    for (const auto one : {RealProxy::kHaproxy, RealProxy::kEnvoy})
        if (auto done = proxy(one, *arms); !done) return done;
    return runs(options_, "capacity") ? capacity(*arms) : base::Status{};
}

base::Status Run::starts() {
    begin("start");
    if (!progress_("start", 0)) return base::fail("interrupted");
    auto start = run_starts(place_, kStarts);
    if (!start) return tl::unexpected(start.error());
    report_.start = *start;
    end("start");
    return {};
}

}  // namespace

base::Status measure(const Options& options, const Workplace& place, const StageProgress& progress, Report& report) {
    Run run(options, place, progress, report);
    if (auto done = run.connects(); !done) return done;
    if (runs(options, "growth"))
        if (auto done = run.growth(); !done) return done;
    if (auto done = run.traffic(); !done) return done;
    return runs(options, "start") ? run.starts() : base::Status{};
}

}  // namespace shunt::bench
