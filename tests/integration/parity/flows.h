// SPDX-License-Identifier: Apache-2.0
// The connections that are tried under a rule set: the borders of everything it names, and twenty at random.
#pragma once

#include <string>
#include <vector>

#include "harness/dial.h"
#include "parity/rules.h"

namespace shunt::parity {

// Real and effective ids; the owner match of iptables looks at the effective ones.
struct Owner {
    std::uint32_t uid = 1000, euid = 1000, gid = 1000, egid = 1000;
    bool operator==(const Owner&) const = default;
};

struct Flow {
    harness::Dial dial;
    Owner creates;   // when the socket is made
    Owner connects;  // when it is connected
};

std::vector<Flow> flows_of(const RuleSet& set);
std::string to_text(const Flow& flow);

// Every port that a flow dials, once.
std::vector<std::uint16_t> ports_of(const std::vector<Flow>& flows);

// All flows in one process in that place, which changes its ids from flow to flow.
std::vector<harness::Outcome> dial_all(const harness::Placement& place, const std::vector<Flow>& flows);

}  // namespace shunt::parity
