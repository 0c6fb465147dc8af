// SPDX-License-Identifier: Apache-2.0
#include "bench/connect_stage.h"

#include <algorithm>
#include <chrono>
#include <random>

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

base::Result<std::vector<std::optional<std::uint64_t>>> read_hits(const std::vector<Arm>& arms) {
    std::vector<std::optional<std::uint64_t>> hits;
    for (const auto& arm : arms) {
        auto counted = arm.hits();
        if (!counted) return tl::unexpected(counted.error());
        hits.push_back(*counted);
    }
    return hits;
}

}  // namespace

base::Result<Words> run_batch(Arm& arm, const BatchRequest& request, ArmProof& proof) {
    auto dialled = dial(arm.client(), request);
    if (!dialled) return dialled;
    auto accepted = accept_all(arm.proxy(), request);
    if (!accepted) return tl::unexpected(accepted.error());
    if (auto done = hang_up(arm.client()); !done) return tl::unexpected(done.error());
    proof.connections += request.count;
    proof.seen += accepted->seen;
    proof.right += accepted->right;
    if (proof.first_wrong.empty()) proof.first_wrong = accepted->first_wrong;
    return dialled;
}

base::Result<ConnectResult> run_connects(std::vector<Arm>& arms, const ConnectPlan& plan, const Progress& progress) {
    ConnectResult result;
    std::vector<std::size_t> arm_of;  // of each series
    for (std::size_t i = 0; i < arms.size(); ++i) {
        result.proofs.push_back({.arm = arms[i].spec().name});
        for (const auto family : arms[i].families(plan.families)) {
            result.series.push_back({arms[i].spec().name, family, {}});
            arm_of.push_back(i);
        }
    }
    const auto before = read_hits(arms);
    if (!before) return tl::unexpected(before.error());

    std::mt19937_64 random(plan.seed);
    std::vector<std::size_t> order(result.series.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto start = Clock::now();
    for (unsigned round = 0; plan.until.goes_on(round); ++round) {
        if (!progress(plan.until.part(round, start))) return base::fail("interrupted");
        std::shuffle(order.begin(), order.end(), random);
        const std::uint64_t seed = random();
        for (const auto i : order) {
            auto& series = result.series[i];
            auto& times = series.rounds.emplace_back();
            const BatchRequest request{series.family, seed, plan.warm_up + plan.batch};
            auto ran = run_batch(arms[arm_of[i]], request, result.proofs[arm_of[i]]);
            if (!ran) return tl::unexpected(ran.error());
            for (std::size_t k = plan.warm_up; k < ran->size(); ++k)
                times.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>((*ran)[k], UINT32_MAX)));
        }
    }
    const auto after = read_hits(arms);
    if (!after) return tl::unexpected(after.error());
    for (std::size_t i = 0; i < arms.size(); ++i)
        if ((*before)[i]) result.proofs[i].hits = *(*after)[i] - *(*before)[i];
    return result;
}

}  // namespace shunt::bench
