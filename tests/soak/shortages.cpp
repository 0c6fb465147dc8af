// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <chrono>

#include "harness/error.h"
#include "harness/filler.h"
#include "harness/netns.h"
#include "hostile.h"

namespace shunt::soak {

using harness::dial;

void Faults::dictionary_full() {
    const harness::Filler dests(pins() + "/shunt_dests");
    const auto filled = dests.fill(1, dests.capacity());  // 1.0.0.0 and up are no tokens
    for (int i = 0; i < 5; ++i)
        expect_captured(dial(sandbox_.app(), {.destination = "10.77." + std::to_string(upto(250)) + ".9:80",
                                              .source = "0.0.0.0:" + std::to_string(49600 + made_++ % 1400),
                                              .say_destination = true}),
                        "dictionary full");
    dests.clear(1, filled);
}

// Of the streams' own, which the spares have to carry on.
void Faults::records_full() {
    const harness::Filler pending(pins() + "/shunt_pending");
    const auto filled = pending.fill(1, pending.capacity());
    rest(200);
    const auto outcome = dial(sandbox_.app(), {.destination = "[2001:db8:9::" + std::to_string(1 + upto(250)) + "]:80",
                                               .family = harness::Family::kV6,
                                               .say_destination = true});
    expect(outcome.line == "ok", "shunt_pending full: " + to_text(outcome));
    pending.clear(1, filled);
}

void Faults::option_memory_used_up() {
    for (const auto& [destination, family] :
         {std::pair{"203.0.113.9:80", harness::Family::kV4}, std::pair{"[2001:db8:9::9]:80", harness::Family::kV6}}) {
        const auto text = harness::run_in(sandbox_.app(), [destination = destination, family = family] {
            const auto outcome =
                dial_without_option_memory({.destination = destination, .family = family, .say_destination = true});
            return outcome.error != 0 ? harness::error_name(outcome.error) : outcome.line;
        });
        expect(text == "ECONNREFUSED" || text == "ok", std::string("option memory used up: ") + text);
    }
}

void Faults::ports_used_up() {
    const auto range = [&](const std::string& text) {
        harness::run_in(sandbox_.client_side(), [&] {
            harness::set_sysctl("net/ipv4/ip_local_port_range", text);
            return text;
        });
    };
    range("40000 40003");
    rest(300);
    range("10000 48000");
}

// One of the streams goes on dialling at the limit.
void Faults::memory_limit_hit() {
    std::uint64_t hits = 0;
    for (int i = 0; i < 5; ++i) hits += memory_->hit();
    expect(hits > 0, "the memory limit was not hit");
}

// The kernel drops each SYN while there is no room. The connection waits; when there is, it goes where it should.
void Faults::conntrack_full() {
    harness::Dialer client({.netns = conntrack_->netns(), .cgroup = sandbox_.app_cgroup()});
    conntrack_->fill();
    client.start({.destinations = {"10.88." + std::to_string(upto(250)) + ".9:80"}, .count = 5, .reset = true});
    rest(300);
    conntrack_->make_room();
    const auto result = client.wait();
    expect(result.ok == 5, "conntrack table full: " + harness::to_text(result));
}

}  // namespace shunt::soak
