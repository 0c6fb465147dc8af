// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::soak {

using namespace std::chrono_literals;

harness::ProbeOptions soak_proxy() { return {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true}; }

std::string soak_config(const std::string& lane, const std::string& more) {
    return "proxy:\n  listen: [0.0.0.0:15001, \"[::]:15001\"]\n  identity: { cgroup: /mesh/proxy }\n  lane: " + lane +
           "\ncapture:\n  cgroups: [/mesh]\n" + more +
           "scopes:\n"
           "  - cgroups: [/mesh/ha]\n"
           "    proxy: { listen: 0.0.0.0:15002, identity: { cgroup: /mesh/haproxy }, lane: " +
           lane + " }\n";
}

Faults::Faults(const Scene& scene, Promises& promises, std::mt19937& random)
    : sandbox_(scene.sandbox),
      load_(scene.load),
      shunt_(scene.shunt),
      proxy_(scene.proxy),
      memory_(scene.memory),
      conntrack_(scene.conntrack),
      promises_(promises),
      random_(random) {
    const std::string down = "nothing listens on the proxy's port (`whenDown: refuse`)";
    const std::string cut = "the proxy ends with the connection open";
    all_ = {
        {"controller killed", {}, &Faults::controller_killed},
        {"controller killed while it starts", {}, &Faults::controller_killed_starting},
        {"controller replaced in place", {}, &Faults::controller_replaced},
        {"upgrade to another map layout, or back", {}, &Faults::upgraded},
        {"second controller", {}, &Faults::second_controller},
        {"reload with another policy", {}, &Faults::reload_other_policy},
        {"reload with a broken file", {}, &Faults::reload_broken},
        {"link detached", {}, &Faults::link_detached},
        {"pin removed", {}, &Faults::pin_removed},
        {"proxy killed and started", {down, cut}, &Faults::proxy_killed},
        {"proxy stopped and continued", {}, &Faults::proxy_stopped},
        {"cgroup made and removed", {}, &Faults::cgroup_comes_and_goes},
        {"namespace made and removed", {}, &Faults::namespace_comes_and_goes},
        {"SYN flood on the proxy's port", {}, &Faults::syn_flood},
        {"dictionary full", {"a table of shunt's is full (`onInternalError: refuse`)"}, &Faults::dictionary_full},
        {"shunt_pending full", {}, &Faults::records_full},
        {"client's option memory used up", {}, &Faults::option_memory_used_up},
        {"ephemeral ports used up", {"no source port is left", cut}, &Faults::ports_used_up},
    };
    if (memory_) all_.push_back({"memory limit hit", {"the memory limit is hit"}, &Faults::memory_limit_hit});
    if (conntrack_) all_.push_back({"conntrack table full", {}, &Faults::conntrack_full});
    for (const auto& fault : all_) happened_[fault.name] = 0;
}

void Faults::next() {
    if (order_.empty()) {
        order_.resize(all_.size());
        std::iota(order_.begin(), order_.end(), 0);
        std::shuffle(order_.begin(), order_.end(), random_);
    }
    const auto& fault = all_[order_.back()];
    order_.pop_back();
    promises_.begin(fault.name, fault.states);
    try {
        (this->*fault.happen)();
        ++happened_[fault.name];
    } catch (const std::exception& error) {
        complaints_.push_back(fault.name + ": " + error.what());
        if (shunt_.pid() <= 0) shunt_.start();
        if (!proxy_) proxy_ = std::make_unique<harness::ProbeProxy>(sandbox_, soak_proxy());
    }
    promises_.end();
    rest(300);
}

void Faults::rest(unsigned most_ms) { std::this_thread::sleep_for(std::chrono::milliseconds(upto(most_ms))); }

void Faults::expect(bool good, const std::string& complaint) {
    if (!good) complaints_.push_back(complaint);
}

void Faults::expect_captured(const harness::Outcome& outcome, const std::string& what) {
    const bool good = outcome.error == ECONNREFUSED || (outcome.error == 0 && outcome.line.rfind("direct", 0) != 0);
    expect(good, what + ": " + harness::to_text(outcome));
}

int Faults::code(const std::vector<std::string>& words) const {
    return harness::run_process(shunt_.command_line(words)).code;
}

std::chrono::milliseconds Faults::await(const std::function<bool()>& good, const std::string& complaint) {
    const auto begin = std::chrono::steady_clock::now();
    const auto passed = [&] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    };
    while (!good()) {
        if (passed() > 60s) {
            complaints_.push_back(complaint);
            break;
        }
        std::this_thread::sleep_for(10ms);
    }
    return passed();
}

// Of the build that runs: an upgrade leaves another one's directory for a while.
std::string Faults::pins() const {
    return nlohmann::json::parse(harness::run_process(shunt_.command_line({"status", "-o", "json"})).out)
        .at("pinDirectory");
}

std::uint64_t Faults::proxy_wrong() const {
    const auto counts = proxy_->counts();
    return wrong_ + counts.wrong + counts.missing;
}

}  // namespace shunt::soak
