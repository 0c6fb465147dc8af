// SPDX-License-Identifier: Apache-2.0
#include "bench/programs_stage.h"

#include "kernel/program_stats.h"
#include "telemetry/snapshot.h"

namespace shunt::bench {
namespace {

// Batches of one family; the programs that ran for them, per connection.
base::Status measure(Arm& arm, Family family, const Until& until, unsigned batch, std::uint64_t seed,
                     std::vector<ProgramCost>& costs) {
    auto state = telemetry::read_snapshot(arm.paths());
    if (!state) return tl::unexpected(state.error());
    const auto directory = state->pin_directory + "/progs";
    ArmProof proof{.arm = arm.spec().name};
    if (auto warm = run_batch(arm, {family, seed, batch}, proof); !warm) return tl::unexpected(warm.error());
    const auto before = kernel::read_program_stats(directory);
    if (!before) return tl::unexpected(before.error());
    unsigned batches = 0;
    for (; until.goes_on(batches); ++batches)
        if (auto ran = run_batch(arm, {family, seed + 1 + batches, batch}, proof); !ran)
            return tl::unexpected(ran.error());
    const auto after = kernel::read_program_stats(directory);
    if (!after) return tl::unexpected(after.error());
    for (std::size_t i = 0; i < after->size() && i < before->size(); ++i) {
        const auto runs = static_cast<double>((*after)[i].runs - (*before)[i].runs);
        if (runs == 0) continue;
        const auto ns = static_cast<double>((*after)[i].nanoseconds - (*before)[i].nanoseconds);
        costs.push_back({arm.spec().name, family, (*after)[i].name, runs / (static_cast<double>(batches) * batch),
                         ns / runs, (*after)[i].machine_bytes});
    }
    return {};
}

}  // namespace

base::Result<std::vector<ProgramCost>> run_programs(std::vector<Arm>& arms, const ConnectPlan& plan,
                                                    const Progress& progress) {
    std::vector<ProgramCost> costs;
    std::size_t left = 0;  // arms and families
    for (const auto& arm : arms)
        if (arm.spec().mechanism == Mechanism::kShunt) left += arm.families(plan.families).size();
    const auto counting = kernel::count_program_runs();
    if (!counting) return tl::unexpected(counting.error());
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (arms[i].spec().mechanism != Mechanism::kShunt) continue;
        for (const auto family : arms[i].families(plan.families)) {
            if (!progress(static_cast<double>(i) / static_cast<double>(arms.size()))) return base::fail("interrupted");
            auto until = plan.until;
            until.deadline = share_of(plan.until.deadline, left--);
            if (auto done = measure(arms[i], family, until, plan.batch, plan.seed, costs); !done)
                return tl::unexpected(done.error());
        }
    }
    return costs;
}

}  // namespace shunt::bench
