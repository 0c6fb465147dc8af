// SPDX-License-Identifier: Apache-2.0
#include "bench/growth_stage.h"

#include <algorithm>

namespace shunt::bench {
namespace {

struct Place {
    std::string arm;
    Kind kind = Kind::kMixed;
    unsigned entries = 0;  // 0: direct
};

const ArmSpec& spec_of(const std::string& name) {
    const auto& arms = all_arms();
    return *std::find_if(arms.begin(), arms.end(), [&](const auto& spec) { return spec.name == name; });
}

std::vector<Place> places_of(const GrowthPlan& plan) {
    std::vector<Place> places{{"direct"}, {"direct-again"}};
    for (const auto& name : plan.arms) {
        const auto& spec = spec_of(name);
        if (!missing_for(spec).empty()) continue;
        const bool filter = spec.mechanism != Mechanism::kShunt;
        for (const auto kind : plan.kinds)
            for (const auto size : plan.sizes) {
                const auto entries = entries_of(policy_of(size, kind));
                if (filter && (kind == Kind::kListeners || entries > kMostFilterEntries)) continue;
                const auto& last = places.back();  // ports have an end: larger sizes are the same
                if (last.arm == name && last.kind == kind && last.entries == entries) continue;
                places.push_back({name, kind, entries});
            }
    }
    return places;
}

base::Result<Arm> start(const Workplace& place, const Place& wanted, int cpu) {
    auto spec = spec_of(wanted.arm);
    if (wanted.entries > 0)
        spec.name += std::string("-") + to_string(wanted.kind) + "-" + std::to_string(wanted.entries);
    return Arm::start(place, spec, policy_of(wanted.entries, wanted.kind), cpu, kNoPolicy, "growth-" + spec.name);
}

}  // namespace

base::Result<GrowthResult> run_growth(const Workplace& place, const GrowthPlan& plan, int cpu,
                                      const Progress& progress) {
    const auto places = places_of(plan);
    std::vector<Arm> arms;
    for (const auto& wanted : places) {
        if (!progress(0.4 * static_cast<double>(arms.size()) / static_cast<double>(places.size())))
            return base::fail("interrupted");
        auto arm = start(place, wanted, cpu);
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
    }
    GrowthResult result;
    auto connects = run_connects(arms, plan.connects, [&](double part) { return progress(0.4 + 0.5 * part); });
    if (!connects) return tl::unexpected(connects.error());
    result.proofs = connects->proofs;
    const auto statistics = summarise(connects->series, plan.connects.seed);
    for (const auto& figures : statistics.figures)
        for (std::size_t i = 0; i < arms.size(); ++i) {
            if (arms[i].spec().name != figures.arm || places[i].entries == 0) continue;
            if (!progress(0.9)) return base::fail("interrupted");
            auto applied = arms[i].apply_change(place);
            if (!applied) return tl::unexpected(applied.error());
            result.points.push_back({places[i].arm, places[i].kind, places[i].entries, figures, *applied});
        }
    return result;
}

}  // namespace shunt::bench
