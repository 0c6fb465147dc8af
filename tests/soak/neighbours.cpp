// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <signal.h>

#include "harness/error.h"
#include "harness/netns.h"
#include "hostile.h"
#include "lifecycle_fixture.h"

namespace shunt::soak {

using harness::dial;
using harness::to_text;

void Faults::proxy_killed() {
    const auto counts = proxy_->counts();
    wrong_ += counts.wrong + counts.missing;
    proxy_.reset();
    for (int i = 0; i < 3; ++i) {
        const auto outcome = dial(sandbox_.app(), {.destination = "203.0.113.9:80"});
        expect(outcome.error == ECONNREFUSED, "proxy down: " + to_text(outcome));
    }
    proxy_ = std::make_unique<harness::ProbeProxy>(sandbox_, soak_proxy());
}

void Faults::proxy_stopped() {
    harness::signal_process(proxy_->pid(), SIGSTOP);
    rest(400);
    harness::signal_process(proxy_->pid(), SIGCONT);
}

void Faults::cgroup_comes_and_goes() {
    const harness::ScratchCgroup made(sandbox_.app_cgroup() + "/made" + std::to_string(made_++));
    const auto outcome = dial({.netns = sandbox_.client_netns(), .cgroup = made.path()},
                              {.destination = "203.0.113.9:80", .say_destination = true});
    expect(outcome.line == "ok", "a new cgroup: " + to_text(outcome));
}

// Nothing listens there, and a namespace without a proxy is no way out.
void Faults::namespace_comes_and_goes() {
    const auto path = "/run/netns/" + sandbox_.name() + "-n" + std::to_string(made_++);
    harness::create_netns(path);
    const harness::Placement place{.netns = path, .cgroup = sandbox_.app_cgroup()};
    harness::run_command({.netns = path}, {"ip", "link", "set", "lo", "up"});
    const auto outcome = dial(place, {.destination = "203.0.113.9:80"});
    harness::remove_netns(path);
    expect(outcome.error == ECONNREFUSED, "a namespace without a proxy: " + to_text(outcome));
}

void Faults::syn_flood() {
    harness::run_in(sandbox_.client_side(), [] {
        flood_with_syns("192.0.2.2", 15001, 3000);
        return std::string();
    });
}

}  // namespace shunt::soak
