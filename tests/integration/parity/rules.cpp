// SPDX-License-Identifier: Apache-2.0
#include "parity/rules.h"

#include <algorithm>
#include <sstream>

namespace shunt::parity {

namespace {

bool is_wildcard(const Words& ranges) { return ranges == Words{"*"}; }

std::string iptables_port(std::string port) {
    std::replace(port.begin(), port.end(), '-', ':');
    return port;
}

class Chain {
public:
    void rule(const std::string& words) { text_ << "-A ISTIO_OUTPUT " << words << "\n"; }

    // The proxy's user or group. Own destinations of anybody else stay out, unless a loopback range is included.
    void proxy_owner(const std::string& kind, std::uint32_t id, const std::string& loopback, bool captures_own) {
        const auto owner = kind + " " + std::to_string(id);
        rule("-o lo ! -d " + loopback + " -p tcp ! --dport 15008 -m owner " + owner + " -j ISTIO_IN_REDIRECT");
        if (!captures_own) rule("-o lo -m owner ! " + owner + " -j RETURN");
        rule("-m owner " + owner + " -j RETURN");
    }

    void owner_groups(const RuleSet& set) {
        if (!set.include_groups) {
            for (const auto gid : set.exclude_groups)
                rule("-m owner --gid-owner " + std::to_string(gid) + " -j RETURN");
            return;
        }
        std::string none_of;
        for (const auto gid : *set.include_groups) none_of += "-m owner ! --gid-owner " + std::to_string(gid) + " ";
        rule(none_of + "-j RETURN");
    }

    std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
};

std::string comma_list(const Words& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

std::string comma_list(const Ids& ids) {
    Words words;
    for (const auto id : ids) words.push_back(std::to_string(id));
    return comma_list(words);
}

std::string yaml_list(const Words& words) {
    std::string text = "[";
    for (const auto& word : words) text += (text.size() > 1 ? ", \"" : "\"") + word + "\"";
    return text + "]";
}

std::string yaml_list(const Ids& ids) {
    std::string text = "[";
    for (const auto id : ids) text += (text.size() > 1 ? ", " : "") + std::to_string(id);
    return text + "]";
}

}  // namespace

bool includes_loopback(const RuleSet& set) {
    return std::any_of(set.include.begin(), set.include.end(), [](const auto& range) {
        return range.rfind("127.", 0) == 0 || range == "::1" || range.rfind("::1/", 0) == 0;
    });
}

std::string iptables_rules(const RuleSet& set, bool v6) {
    if (v6 && !set.v6) return {};
    Chain chain;
    for (const auto& port : set.exclude_ports) chain.rule("-p tcp --dport " + iptables_port(port) + " -j RETURN");
    chain.rule(v6 ? "-o lo -s ::6/128 -j RETURN" : "-o lo -s 127.0.0.6/32 -j RETURN");
    const std::string localhost = v6 ? "::1/128" : "127.0.0.1/32";
    for (const auto uid : set.uids) chain.proxy_owner("--uid-owner", uid, localhost, includes_loopback(set));
    for (const auto gid : set.gids) chain.proxy_owner("--gid-owner", gid, localhost, includes_loopback(set));
    chain.owner_groups(set);
    chain.rule("-d " + (v6 || set.loopback_cidr.empty() ? localhost : set.loopback_cidr) + " -j RETURN");
    for (const auto& range : set.exclude)
        if (is_v6(range) == v6) chain.rule("-d " + range + " -j RETURN");
    for (const auto& port : set.include_ports)
        chain.rule("-p tcp --dport " + iptables_port(port) + " -j ISTIO_REDIRECT");
    if (is_wildcard(set.include)) {
        chain.rule("-j ISTIO_REDIRECT");
    } else {
        for (const auto& range : set.include)
            if (is_v6(range) == v6) chain.rule("-d " + range + " -j ISTIO_REDIRECT");
        chain.rule("-j RETURN");
    }
    return "*nat\n:ISTIO_OUTPUT - [0:0]\n:ISTIO_REDIRECT - [0:0]\n:ISTIO_IN_REDIRECT - [0:0]\n"
           "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports " +
           std::to_string(kProxyPort) + "\n-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports " +
           std::to_string(kInboundPort) + "\n-A OUTPUT -p tcp -j ISTIO_OUTPUT\n" + chain.text() + "COMMIT\n";
}

std::optional<Words> istio_flags(const RuleSet& set) {
    // Without a list of one kind istio-iptables takes the other one's, or 1337.
    if (set.client_address || set.lane != "auto" || set.uids.empty() || set.gids.empty()) return std::nullopt;
    Words words;
    if (set.include_groups) words.push_back("ISTIO_OUTBOUND_OWNER_GROUPS=" + comma_list(*set.include_groups));
    if (!set.exclude_groups.empty())
        words.push_back("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=" + comma_list(set.exclude_groups));
    if (!set.loopback_cidr.empty()) words.push_back("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR=" + set.loopback_cidr);
    if (set.v6) words.push_back("--dual-stack");
    for (const auto& [flag, value] : std::vector<std::pair<std::string, std::string>>{
             {"-p", std::to_string(kProxyPort)},
             {"-z", std::to_string(kInboundPort)},
             {"-u", comma_list(set.uids)},
             {"-g", comma_list(set.gids)},
             {"-i", comma_list(set.include)},
             {"--istio-service-exclude-cidr", comma_list(set.exclude)},
             {"-q", comma_list(set.include_ports)},
             {"--istio-local-outbound-ports-exclude", comma_list(set.exclude_ports)}}) {
        words.push_back(flag);
        words.push_back(value);
    }
    return words;
}

std::string shunt_config(const RuleSet& set, const std::string& client_v4, const std::string& client_v6) {
    std::ostringstream out;
    out << "proxy:\n"
        << "  listen: [\"0.0.0.0:15001\", \"[::]:15001\"]\n"
        << "  identity: { uids: " << yaml_list(set.uids) << ", gids: " << yaml_list(set.gids) << " }\n"
        << "  lane: " << set.lane << "\n"
        << "capture:\n"
        << "  cgroups: [/mesh]\n"
        << "  includeOutboundIPRanges: " << yaml_list(set.include) << "\n"
        << "  excludeOutboundIPRanges: " << yaml_list(set.exclude) << "\n"
        << "  includeOutboundPorts: " << yaml_list(set.include_ports) << "\n"
        << "  excludeOutboundPorts: " << yaml_list(set.exclude_ports) << "\n"
        << "  ipv6: " << (set.v6 ? "capture" : "bypass") << "\n";
    if (set.include_groups) out << "  includeOutboundOwnerGroups: " << yaml_list(*set.include_groups) << "\n";
    if (!set.exclude_groups.empty()) {
        out << "  excludeOutboundOwnerGroups: " << yaml_list(set.exclude_groups) << "\n";
    }
    if (!set.loopback_cidr.empty()) out << "  outboundIPv4LoopbackCIDR: " << set.loopback_cidr << "\n";
    if (set.client_address) out << "  clientAddress: " << yaml_list(Words{client_v4, client_v6}) << "\n";
    return out.str();
}

}  // namespace shunt::parity
