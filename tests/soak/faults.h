// SPDX-License-Identifier: Apache-2.0
// What happens to shunt, its proxies and its neighbours during a soak: by name, one at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"
#include "load.h"

namespace shunt::soak {

class Faults {
public:
    Faults(const harness::Sandbox& sandbox, Load& load, harness::RunningShunt& shunt,
           std::unique_ptr<harness::ProbeProxy>& proxy, std::mt19937& random);

    // One of them, at random, from begin to end: afterwards all is as it was.
    void next();

    const std::map<std::string, std::uint64_t>& happened() const { return happened_; }
    // What did not go as it should: one line each.
    const std::vector<std::string>& complaints() const { return complaints_; }
    // Of the proxies that were killed and of the present one.
    std::uint64_t proxy_wrong() const;

private:
    void controller_killed();
    void controller_killed_starting();
    void controller_upgraded();
    void second_controller();
    void reload_other_policy();
    void reload_broken();
    void dictionary_full();
    void proxy_killed();
    void proxy_stopped();
    void cgroup_comes_and_goes();
    void namespace_comes_and_goes();
    void link_detached();
    void pin_removed();
    void option_memory_used_up();
    void syn_flood();
    void ports_used_up();

    unsigned upto(unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(random_); }
    void rest(unsigned most_ms);
    void expect(bool good, const std::string& complaint);
    // Never past the proxy: its answer, or the errno promised.
    void expect_captured(const harness::Outcome& outcome, const std::string& what);
    std::string pins() const;
    int code(const std::vector<std::string>& words) const;

    const harness::Sandbox& sandbox_;
    Load& load_;
    harness::RunningShunt& shunt_;
    std::unique_ptr<harness::ProbeProxy>& proxy_;
    std::mt19937& random_;
    std::vector<std::pair<std::string, std::function<void()>>> all_;
    std::map<std::string, std::uint64_t> happened_;
    std::vector<std::string> complaints_;
    std::uint64_t wrong_ = 0;
    unsigned made_ = 0;
};

harness::ProbeOptions soak_proxy();
std::string soak_config(const std::string& lane, const std::string& more = {});

}  // namespace shunt::soak
