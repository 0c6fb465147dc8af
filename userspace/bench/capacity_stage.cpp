// SPDX-License-Identifier: Apache-2.0
#include "bench/capacity_stage.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

namespace shunt::bench {
namespace {

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

// SYNs that the kernel has sent again, in the network namespace of a process.
std::uint64_t repeated_syns(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/net/netstat");
    // A line of names and a line of values for each group.
    for (std::string names, values; std::getline(file, names) && std::getline(file, values);) {
        std::istringstream all_names(names), all_values(values);
        for (std::string name, value; all_names >> name && all_values >> value;)
            if (name == "TCPSynRetrans") return std::stoull(value);
    }
    return 0;
}

// As the redirection counted. Of a step that failed some may have been counted that are not open. NAT has one port for
// each connection to the proxy's address, and from some 45,000 on does not find a free one for every SYN: that one is
// dropped after it was counted, sent again a second later, and counted again.
base::Status check_hits(const Arm& arm, const std::optional<std::uint64_t>& before, std::uint64_t connections,
                        bool failed, std::uint64_t repeated) {
    const auto after = arm.hits();
    if (!after) return tl::unexpected(after.error());
    if (!*after) return {};
    const auto counted = **after - *before;
    if (counted == connections || (failed && counted > connections)) return {};
    const bool nat = arm.spec().mechanism != Mechanism::kShunt;
    if (nat && counted > connections && counted - connections <= repeated) return {};
    return base::fail("proof failed: " + arm.spec().name + ": " + std::to_string(connections) +
                      " live connections, but the redirection counted " + std::to_string(counted));
}

base::Result<CapacityFigures> fill(const Workplace& place, Arm& arm, unsigned limit, Moment deadline, int cpu,
                                   const Progress& progress) {
    CapacityFigures figures{arm.spec().name};
    const BatchRequest step{Family::kV4, 1, kStep};
    const auto before = arm.hits();
    if (!before) return tl::unexpected(before.error());
    bool failed = false;
    std::uint64_t repeated_before = 0;
    std::vector<Pair> pairs;
    while (figures.connections < limit) {
        if (!progress(static_cast<double>(figures.connections) / limit)) return base::fail("interrupted");
        if (figures.connections > 0 && std::chrono::steady_clock::now() > deadline) {
            figures.ended_by = kTimeIsOver;
            break;
        }
        if (pairs.empty() || pairs.back().room == 0) {
            if (!pairs.empty())
                if (auto down = step_down(pairs.back().proxy); !down) return tl::unexpected(down.error());
            auto pair = start_pair(place, arm, room_in_one_process(limit), cpu);
            if (!pair) return tl::unexpected(pair.error());
            if (pairs.empty()) repeated_before = repeated_syns(pair->client.pid());
            pairs.push_back(std::move(*pair));
        }
        const auto dialled = dial(pairs.back().client, step);
        if (!dialled) {
            figures.ended_by = dialled.error().message;
            failed = true;
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
    const auto repeated = pairs.empty() ? 0 : repeated_syns(pairs[0].client.pid()) - repeated_before;
    if (auto proven = check_hits(arm, *before, figures.connections, failed, repeated); !proven)
        return tl::unexpected(proven.error());
    return figures;
}

}  // namespace

base::Result<std::vector<CapacityFigures>> run_capacity(const Workplace& place, std::vector<Arm>& arms, unsigned limit,
                                                        Moment deadline, int cpu, const Progress& progress) {
    std::vector<CapacityFigures> result;
    const auto again =
        std::count_if(arms.begin(), arms.end(), [](auto& arm) { return arm.spec().name == "direct-again"; });
    // As long for each: what closing the connections of one takes is not taken from the next.
    const auto begin = std::chrono::steady_clock::now();
    const auto share = share_of(deadline, arms.size() - static_cast<std::size_t>(again), begin) - begin;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (arms[i].spec().name == "direct-again") continue;
        const auto end = std::chrono::steady_clock::now() + share;
        auto figures = fill(place, arms[i], limit, end, cpu, [&](double part) {
            return progress((static_cast<double>(i) + part) / static_cast<double>(arms.size()));
        });
        if (!figures) return tl::unexpected(figures.error());
        result.push_back(*figures);
    }
    return result;
}

}  // namespace shunt::bench
