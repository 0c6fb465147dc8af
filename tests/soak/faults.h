// SPDX-License-Identifier: Apache-2.0
// What happens to shunt, its proxies, its neighbours and the machine during a soak: by name, one at a time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "conntrack.h"
#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"
#include "load.h"
#include "memory_limit.h"
#include "promises.h"

namespace shunt::soak {

// What faults happen to.
struct Scene {
    const harness::Sandbox& sandbox;
    Load& load;
    harness::RunningShunt& shunt;
    std::unique_ptr<harness::ProbeProxy>& proxy;
    const MemoryLimit* memory = nullptr;       // that of one of the streams; none: that fault does not occur
    const FullConntrack* conntrack = nullptr;  // a namespace with a proxy; none: likewise
};

class Faults {
public:
    Faults(const Scene& scene, Promises& promises, std::mt19937& random);

    // One of them from begin to end: afterwards all is as it was. Each occurs once before any occurs again.
    void next();

    const std::map<std::string, std::uint64_t>& happened() const { return happened_; }
    // What did not go as it should: one line each.
    const std::vector<std::string>& complaints() const { return complaints_; }
    // Of the proxies that were killed and of the present one.
    std::uint64_t proxy_wrong() const;
    // How long, at most, a detached link and a removed pin were away until the controller had put them back.
    std::chrono::milliseconds longest_detached() const { return longest_detached_; }
    std::chrono::milliseconds longest_unpinned() const { return longest_unpinned_; }

private:
    // controller.cpp
    void controller_killed();
    void controller_killed_starting();
    void controller_replaced();
    void upgraded();
    void second_controller();
    void reload_other_policy();
    void reload_broken();
    void link_detached();
    void pin_removed();
    // neighbours.cpp
    void proxy_killed();
    void proxy_stopped();
    void cgroup_comes_and_goes();
    void namespace_comes_and_goes();
    void syn_flood();
    // shortages.cpp
    void dictionary_full();
    void records_full();
    void option_memory_used_up();
    void ports_used_up();
    void memory_limit_hit();
    void conntrack_full();

    unsigned upto(unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(random_); }
    void rest(unsigned most_ms);
    void expect(bool good, const std::string& complaint);
    // Never past the proxy: its answer, or the errno promised.
    void expect_captured(const harness::Outcome& outcome, const std::string& what);
    std::string pins() const;
    int code(const std::vector<std::string>& words) const;

    // Until something is as it should be; how long that took. A minute is too long.
    std::chrono::milliseconds await(const std::function<bool()>& good, const std::string& complaint);

    struct Fault {
        std::string name;
        std::vector<std::string> states;  // of the README's table, that connections may meet meanwhile
        void (Faults::*happen)();
    };

    const harness::Sandbox& sandbox_;
    Load& load_;
    harness::RunningShunt& shunt_;
    std::unique_ptr<harness::ProbeProxy>& proxy_;
    const MemoryLimit* memory_;
    const FullConntrack* conntrack_;
    Promises& promises_;
    std::mt19937& random_;
    std::vector<Fault> all_;
    std::vector<std::size_t> order_;  // of those still to come in this round, the next one last
    std::map<std::string, std::uint64_t> happened_;
    std::vector<std::string> complaints_;
    std::uint64_t wrong_ = 0;
    unsigned made_ = 0;
    bool other_layout_ = false, other_code_ = false;  // which build runs
    std::chrono::milliseconds longest_detached_{0}, longest_unpinned_{0};
};

harness::ProbeOptions soak_proxy();
std::string soak_config(const std::string& lane, const std::string& more = {});

}  // namespace shunt::soak
