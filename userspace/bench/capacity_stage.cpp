// SPDX-License-Identifier: Apache-2.0
#include "bench/capacity_stage.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kStep = 500;
constexpr unsigned kSpareFiles = 1500;  // of a process, for everything else

// A client and a proxy that hold as many connections as one process may.
struct Pair {
    Worker proxy, client;
    unsigned room = 0;
};

unsigned room_in_one_process(unsigned limit) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    const auto most = static_cast<unsigned>(std::min<rlim_t>(files.rlim_max, limit + kSpareFiles));
    return std::max(kStep, (most - std::min(most, kSpareFiles)) / kStep * kStep);
}

base::Result<Pair> start_pair(const Workplace& place, const Arm& arm, unsigned room, int cpu) {
    const int ns = arm.netns().fd.get();
    const auto& name = arm.spec().name;
    const DialSetting setting{.size = kNoPolicy,
                              .direct = arm.spec().mechanism == Mechanism::kNone,
                              .v6 = false,
                              .destinations = kCapacityDestinations,
                              .held = room};
    auto proxy = start_proxy({.netns = ns, .cgroup = place.proxy(arm.folder()), .cpu = cpu}, name, setting);
    if (!proxy) return tl::unexpected(proxy.error());
    auto client = start_client({.netns = ns, .cgroup = place.app(arm.folder()), .cpu = cpu}, name, setting);
    if (!client) return tl::unexpected(client.error());
    return Pair{std::move(*proxy), std::move(*client), room};
}

base::Result<CapacityFigures> fill(const Workplace& place, Arm& arm, unsigned limit, unsigned seconds, int cpu,
                                   const Progress& progress) {
    CapacityFigures figures{arm.spec().name};
    const BatchRequest step{Family::kV4, 1, kStep};
    const auto start = Clock::now();
    std::vector<Pair> pairs;
    while (figures.connections < limit) {
        if (!progress(static_cast<double>(figures.connections) / limit)) return base::fail("interrupted");
        if (Clock::now() - start > std::chrono::seconds(seconds)) {
            figures.ended_by = std::to_string(seconds) + " s are over";
            break;
        }
        if (pairs.empty() || pairs.back().room == 0) {
            if (!pairs.empty())
                if (auto down = step_down(pairs.back().proxy); !down) return tl::unexpected(down.error());
            auto pair = start_pair(place, arm, room_in_one_process(limit), cpu);
            if (!pair) return tl::unexpected(pair.error());
            pairs.push_back(std::move(*pair));
        }
        const auto dialled = dial(pairs.back().client, step);
        if (!dialled) {
            figures.ended_by = dialled.error().message;
            break;
        }
        const auto accepted = accept_all(pairs.back().proxy, step);
        if (!accepted) return tl::unexpected(accepted.error());
        if (accepted->right != kStep)
            return base::fail("proof failed: " + figures.arm + ": " + std::to_string(kStep - accepted->right) + " of " +
                              std::to_string(kStep) + " original destinations are wrong or missing after " +
                              std::to_string(figures.connections) + " live connections: " + accepted->first_wrong);
        figures.connections += kStep;
        pairs.back().room -= kStep;
    }
    return figures;
}

}  // namespace

base::Result<std::vector<CapacityFigures>> run_capacity(const Workplace& place, std::vector<Arm>& arms, unsigned limit,
                                                        unsigned seconds, int cpu, const Progress& progress) {
    std::vector<CapacityFigures> result;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (arms[i].spec().name == "direct-again") continue;
        auto figures = fill(place, arms[i], limit, seconds, cpu, [&](double part) {
            return progress((static_cast<double>(i) + part) / static_cast<double>(arms.size()));
        });
        if (!figures) return tl::unexpected(figures.error());
        result.push_back(*figures);
    }
    return result;
}

}  // namespace shunt::bench
