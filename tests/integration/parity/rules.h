// SPDX-License-Identifier: Apache-2.0
// One plain description of a redirection, and the two forms in which it is put to the test: iptables rules in the order
// in which istio-iptables writes them, and shunt's configuration. Independent of the code under test on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace shunt::parity {

using Words = std::vector<std::string>;
using Ids = std::vector<std::uint32_t>;

inline constexpr unsigned kProxyPort = 15001;
inline constexpr unsigned kInboundPort = 15006;

struct RuleSet {
    std::string name;                    // a word of letters, digits and underscores
    Words include{"*"}, exclude;         // destinations
    Words include_ports, exclude_ports;  // "9080", "8000-8010"
    Ids uids{1337}, gids{1337};          // the proxy's
    std::optional<Ids> include_groups;   // unset: everybody
    Ids exclude_groups;
    std::string loopback_cidr;    // of IPv4; empty: 127.0.0.1/32
    bool v6 = true;               // --dual-stack
    bool client_address = false;  // shunt shows the client's own addresses instead of 127.x
    std::string lane = "auto";    // of shunt
    bool slow_flows = false;      // also those that time out behind iptables
};

inline void PrintTo(const RuleSet& set, std::ostream* out) { *out << set.name; }

const std::vector<RuleSet>& rule_sets();

// Is a loopback address written among the included ranges? (Then own destinations follow the other rules.)
bool includes_loopback(const RuleSet& set);

// Input for iptables-restore and ip6tables-restore; no rules at all for IPv6 where that is off.
std::string iptables_rules(const RuleSet& set, bool v6);
// Flags of istio-iptables, with variables of its environment before them, that make those rules; nothing for rule sets
// that also ask for what only shunt has.
std::optional<Words> istio_flags(const RuleSet& set);
std::string shunt_config(const RuleSet& set, const std::string& client_v4, const std::string& client_v6);

inline bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

}  // namespace shunt::parity
