// SPDX-License-Identifier: Apache-2.0
#include "bench/istio.h"

#include <algorithm>

namespace shunt::bench {
namespace {

enum class Target { kReturn, kRedirect, kInRedirect };

struct Owner {
    bool group = false;
    std::uint32_t id = 0;
    bool negated = false;
};

// One rule of the outgoing chain, in no tool's language yet. Empty: not asked.
struct Rule {
    bool leaves_through_lo = false;
    std::string source;
    std::string destination;
    bool other_destination = false;
    std::string port;
    bool other_port = false;
    std::vector<Owner> owners;
    Target target = Target::kReturn;
};

bool is_v6(const std::string& range) { return range.find(':') != std::string::npos; }

// For the proxy's user or group. Own destinations of anybody else stay out, unless a loopback range is included.
void add_identity(std::vector<Rule>& rules, Owner owner, const std::string& localhost, bool captures_own) {
    rules.push_back({.leaves_through_lo = true,
                     .destination = localhost,
                     .other_destination = true,
                     .port = "15008",
                     .other_port = true,
                     .owners = {owner},
                     .target = Target::kInRedirect});
    auto stranger = owner;
    stranger.negated = true;
    if (!captures_own) rules.push_back({.leaves_through_lo = true, .owners = {stranger}});
    rules.push_back({.owners = {owner}});
}

void add_owner_groups(std::vector<Rule>& rules, const IstioFlags& flags) {
    if (!flags.include_groups) {
        for (const auto gid : flags.exclude_groups) rules.push_back({.owners = {{true, gid, false}}});
        return;
    }
    Rule none_of_them;
    for (const auto gid : *flags.include_groups) none_of_them.owners.push_back({true, gid, true});
    rules.push_back(none_of_them);
}

// The outgoing chain of one family, first match decides.
std::vector<Rule> output_rules(const IstioFlags& flags, bool v6) {
    const std::string localhost = v6 ? "::1/128" : "127.0.0.1/32";
    const bool captures_own = includes_loopback(flags.include);
    std::vector<Rule> rules;
    for (const auto& port : flags.exclude_ports) rules.push_back({.port = port});
    rules.push_back({.leaves_through_lo = true, .source = v6 ? "::6/128" : "127.0.0.6/32"});
    for (const auto uid : flags.uids) add_identity(rules, {false, uid, false}, localhost, captures_own);
    for (const auto gid : flags.gids) add_identity(rules, {true, gid, false}, localhost, captures_own);
    add_owner_groups(rules, flags);
    rules.push_back({.destination = v6 || flags.loopback_cidr.empty() ? localhost : flags.loopback_cidr});
    for (const auto& range : flags.exclude)
        if (is_v6(range) == v6) rules.push_back({.destination = range});
    for (const auto& port : flags.include_ports) rules.push_back({.port = port, .target = Target::kRedirect});
    if (flags.include == std::vector<std::string>{"*"}) {
        rules.push_back({.target = Target::kRedirect});
        return rules;
    }
    for (const auto& range : flags.include)
        if (is_v6(range) == v6) rules.push_back({.destination = range, .target = Target::kRedirect});
    rules.push_back({});
    return rules;
}

std::string iptables_rule(const Rule& rule) {
    std::string words = "-A ISTIO_OUTPUT";
    if (rule.leaves_through_lo) words += " -o lo";
    if (!rule.source.empty()) words += " -s " + rule.source;
    if (!rule.destination.empty()) words += (rule.other_destination ? " ! -d " : " -d ") + rule.destination;
    if (!rule.port.empty()) {
        auto port = rule.port;
        std::replace(port.begin(), port.end(), '-', ':');
        words += (rule.other_port ? " -p tcp ! --dport " : " -p tcp --dport ") + port;
    }
    for (const auto& owner : rule.owners)
        words += std::string(" -m owner ") + (owner.negated ? "! " : "") +
                 (owner.group ? "--gid-owner " : "--uid-owner ") + std::to_string(owner.id);
    switch (rule.target) {
        case Target::kReturn: return words + " -j RETURN\n";
        case Target::kRedirect: return words + " -j ISTIO_REDIRECT\n";
        case Target::kInRedirect: return words + " -j ISTIO_IN_REDIRECT\n";
    }
    return words;
}

std::string nftables_rule(const Rule& rule, bool v6) {
    const std::string ip = v6 ? "ip6 " : "ip ";
    std::string words = "        ";
    if (rule.leaves_through_lo) words += "oifname \"lo\" ";
    if (!rule.source.empty()) words += ip + "saddr " + rule.source + " ";
    if (!rule.destination.empty())
        words += ip + "daddr " + (rule.other_destination ? "!= " : "") + rule.destination + " ";
    if (!rule.port.empty()) words += std::string("tcp dport ") + (rule.other_port ? "!= " : "") + rule.port + " ";
    for (const auto& owner : rule.owners)
        words += std::string("meta ") + (owner.group ? "skgid " : "skuid ") + (owner.negated ? "!= " : "") +
                 std::to_string(owner.id) + " ";
    switch (rule.target) {
        case Target::kReturn: return words + "return\n";
        case Target::kRedirect: return words + "jump istio-redirect\n";
        case Target::kInRedirect: return words + "jump istio-in-redirect\n";
    }
    return words;
}

bool names_no_address(const Rule& rule) { return rule.source.empty() && rule.destination.empty(); }

}  // namespace

bool includes_loopback(const std::vector<std::string>& include) {
    return std::any_of(include.begin(), include.end(), [](const auto& range) {
        return range.rfind("127.", 0) == 0 || range == "::1" || range.rfind("::1/", 0) == 0;
    });
}

std::string istio_iptables(const IstioFlags& flags, bool v6) {
    std::string text = "*nat\n:ISTIO_OUTPUT - [0:0]\n:ISTIO_REDIRECT - [0:0]\n:ISTIO_IN_REDIRECT - [0:0]\n";
    if (flags.inbound) text += ":ISTIO_INBOUND - [0:0]\n";
    text += "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports " + std::to_string(kOutboundPort) + "\n";
    text += "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports " + std::to_string(kInboundPort) + "\n";
    if (flags.inbound) {
        for (const char* port : {"15008", "15090", "15021", "15020"})
            text += std::string("-A ISTIO_INBOUND -p tcp --dport ") + port + " -j RETURN\n";
        text += "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\n-A PREROUTING -p tcp -j ISTIO_INBOUND\n";
    }
    text += "-A OUTPUT -p tcp -j ISTIO_OUTPUT\n";
    for (const auto& rule : output_rules(flags, v6)) text += iptables_rule(rule);
    return text + "COMMIT\n";
}

std::string istio_nftables(const IstioFlags& flags) {
    std::string text =
        "table inet istio-proxy-nat {\n"
        "    chain istio-redirect {\n        meta l4proto tcp counter redirect to :" +
        std::to_string(kOutboundPort) + "\n    }\n" +
        "    chain istio-in-redirect {\n        meta l4proto tcp counter redirect to :" + std::to_string(kInboundPort) +
        "\n    }\n";
    if (flags.inbound)
        text +=
            "    chain istio-inbound {\n"
            "        tcp dport 15008 return\n        tcp dport 15090 return\n"
            "        tcp dport 15021 return\n        tcp dport 15020 return\n"
            "        meta l4proto tcp jump istio-in-redirect\n    }\n"
            "    chain prerouting {\n        type nat hook prerouting priority -100; policy accept;\n"
            "        meta l4proto tcp jump istio-inbound\n    }\n";
    text += "    chain istio-output {\n";
    // One chain serves both families. A rule without addresses is the same in both and stands once; those between two
    // such rules keep their order.
    const auto v4 = output_rules(flags, false), v6 = output_rules(flags, true);
    for (std::size_t i = 0, j = 0; i < v4.size() || j < v6.size(); ++i, ++j) {
        while (i < v4.size() && !names_no_address(v4[i])) text += nftables_rule(v4[i++], false);
        while (j < v6.size() && !names_no_address(v6[j])) text += nftables_rule(v6[j++], true);
        if (i < v4.size()) text += nftables_rule(v4[i], false);
    }
    return text +
           "    }\n    chain output {\n        type nat hook output priority -100; policy accept;\n"
           "        jump istio-output\n    }\n}\n";
}

}  // namespace shunt::bench
