// SPDX-License-Identifier: Apache-2.0
#include "bench/growth_stage.h"

#include <algorithm>

namespace shunt::bench {
namespace {

struct Place {
    std::string arm;
    unsigned entries = 0;
};

const ArmSpec& spec_of(const std::string& name) {
    const auto& arms = all_arms();
    return *std::find_if(arms.begin(), arms.end(), [&](const auto& spec) { return spec.name == name; });
}

}  // namespace

base::Result<GrowthResult> run_growth(const Workplace& place, const std::vector<unsigned>& sizes,
                                      const ConnectPlan& plan, int cpu, const Progress& progress) {
    std::vector<Arm> arms;
    std::vector<Place> places;
    const auto start = [&](const std::string& name, unsigned entries) -> base::Status {
        auto spec = spec_of(name);
        if (!missing_for(spec).empty()) return {};
        const auto label = entries == 0 ? name : name + "-" + std::to_string(entries);
        spec.name = label;
        auto arm = Arm::start(place, spec, policy_of(entries), cpu, kNoPolicy, "growth-" + label);
        if (!arm) return tl::unexpected(arm.error());
        arms.push_back(std::move(*arm));
        places.push_back({name, entries});
        return {};
    };
    for (const char* name : {"direct", "direct-again"})
        if (auto started = start(name, 0); !started) return tl::unexpected(started.error());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (!progress(0.4 * static_cast<double>(i) / static_cast<double>(sizes.size())))
            return base::fail("interrupted");
        if (auto started = start("shunt-address", sizes[i]); !started) return tl::unexpected(started.error());
        if (sizes[i] > kMostFilterEntries) continue;
        if (auto started = start("iptables-legacy", sizes[i]); !started) return tl::unexpected(started.error());
    }
    GrowthResult result;
    auto connects = run_connects(arms, plan, [&](double part) { return progress(0.4 + 0.5 * part); });
    if (!connects) return tl::unexpected(connects.error());
    result.proofs = connects->proofs;
    const auto statistics = summarise(connects->series, plan.seed);
    for (const auto& figures : statistics.figures)
        for (std::size_t i = 0; i < arms.size(); ++i) {
            if (arms[i].spec().name != figures.arm || places[i].entries == 0) continue;
            if (!progress(0.9)) return base::fail("interrupted");
            auto applied = arms[i].apply_change(place);
            if (!applied) return tl::unexpected(applied.error());
            result.points.push_back({places[i].arm, places[i].entries, figures, *applied});
        }
    return result;
}

}  // namespace shunt::bench
