// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

// The one include of decide.h outside bpf/; its functions are static and see this definition of the environment.
struct shunt_env {
    const shunt::policy::Tables* tables;
    const shunt::policy::Flow* flow;
    const shunt_scope* scope;
};
#include "lib/decide.h"

namespace {

using shunt::policy::Table;

// What an LPM trie does: the entry of the longest prefix that holds the address.
template <class Key, class Find>
std::uint32_t longest_match(const Table<Key, shunt_cidr_rule>& table, int bits, Find key_for) {
    for (int prefix = bits; prefix >= 0; --prefix) {
        const auto found = table.find(key_for(prefix));
        if (found != table.end()) return found->second.flags;
    }
    return 0;
}

void mask_words(std::uint32_t* words_be, int count, int prefix) {
    for (int i = 0; i < count; ++i) {
        const int keep = std::clamp(prefix - 32 * i, 0, 32);
        words_be[i] &= keep == 0 ? 0 : htonl(0xffffffffu << (32 - keep));
    }
}

}  // namespace

__u32 shunt_env_port(struct shunt_env* env, __u16 port_be) {
    const auto found = env->tables->ports.find({env->scope->ports_set, port_be, 0});
    return found == env->tables->ports.end() ? 0 : found->second.flags;
}

__u32 shunt_env_cidr(struct shunt_env* env, const struct shunt_ip* addr, int is_v4) {
    if (is_v4)
        return longest_match(env->tables->cidrs4, 32, [&](int prefix) {
            shunt_cidr4_key key{32 + static_cast<__u32>(prefix), env->scope->cidrs_set, addr->words_be[3]};
            mask_words(&key.addr_be, 1, prefix);
            return key;
        });
    return longest_match(env->tables->cidrs6, 128, [&](int prefix) {
        shunt_cidr6_key key{};
        key.prefix_len = 32 + static_cast<__u32>(prefix);
        key.set = env->scope->cidrs_set;
        std::copy(addr->words_be, addr->words_be + 4, key.addr_be);
        mask_words(key.addr_be, 4, prefix);
        return key;
    });
}

__u32 shunt_env_owner(struct shunt_env* env, __u32 kind, __u32 id) {
    const auto found = env->tables->owners.find({kind, id, env->scope->owners_set});
    return found == env->tables->owners.end() ? 0 : found->second.flags;
}

int shunt_env_listener(struct shunt_env* env, const struct shunt_ip* addr, __u16 port_be, struct shunt_listener* out) {
    const auto found = env->tables->listeners.find({*addr, port_be, 0, env->scope->listeners_set});
    if (found == env->tables->listeners.end()) return 0;
    *out = found->second;
    return 1;
}

int shunt_env_is_own(struct shunt_env* env, const struct shunt_flow* flow) {
    const auto destination = shunt::base::Address::from_abi(flow->dst);
    const auto& own = env->flow->own;
    return std::find(own.begin(), own.end(), destination) != own.end();
}

int shunt_env_is_proxy_port(struct shunt_env* env, __u16 port_be) {
    const auto& bank = env->tables->bank;
    return std::find(bank.proxy_ports_be, bank.proxy_ports_be + bank.proxy_ports, port_be) !=
           bank.proxy_ports_be + bank.proxy_ports;
}

int shunt_env_in_proxy_cgroup(struct shunt_env* env, const struct shunt_scope*) { return env->flow->in_proxy_cgroup; }

// Tokens in use are live state of the kernel; no configuration has any.
int shunt_env_has_token(struct shunt_env*, __u32) { return 0; }

namespace shunt::policy {
namespace {

shunt_flow to_abi(const Flow& flow) {
    shunt_flow abi{};
    const bool v4 = flow.destination.address.is_v4();
    abi.dst = flow.destination.address.to_abi();
    abi.dst_port_be = htons(flow.destination.port);
    if (flow.source) {
        abi.src = flow.source->address.to_abi();
        abi.src_port = flow.source->port;
    } else if (v4) {
        shunt_ip_from_v4(&abi.src, 0);
    }
    abi.is_v4 = v4;
    abi.protocol = flow.tcp ? SHUNT_IPPROTO_TCP : IPPROTO_UDP;
    abi.socket_family = flow.socket_v6 ? SHUNT_AF_INET6 : SHUNT_AF_INET;
    abi.address_family = v4 ? abi.socket_family : SHUNT_AF_INET6;  // a mapped address is of the socket's family
    if (flow.bound_to_device) abi.device = SHUNT_LOOPBACK_IFINDEX + 1;
    abi.mark = flow.mark;
    abi.uid = flow.uid;
    abi.gid = flow.gid;
    return abi;
}

shunt_lane lane_of(const shunt_scope& scope, const shunt_flow& flow) {
    if (!flow.is_v4) return SHUNT_LANE_RECORD_IPV6;
    if (scope.flags & SHUNT_SCOPE_LANE_RECORD) return SHUNT_LANE_RECORD_SETTING;
    if (!(scope.flags & SHUNT_SCOPE_PROXY_V4_WILDCARD)) return SHUNT_LANE_RECORD_PROXY;
    if (flow.src_port) return SHUNT_LANE_DICT_PORT;
    if (!shunt_ip_is_any(&flow.src)) return SHUNT_LANE_DICT_ADDRESS;
    return shunt_lane_encodable(ntohl(flow.dst.words_be[3])) ? SHUNT_LANE_ADDRESS : SHUNT_LANE_DICT_RANGE;
}

// Where a redirect goes. In the record lane the kernel spreads over 127/8 by chance; the proxy's address stands for it.
base::SocketAddress redirect_target(const shunt_scope& scope, const shunt_flow& flow, shunt_lane lane) {
    base::SocketAddress to;
    const bool v4 = flow.is_v4 != 0;
    to.port = ntohs(v4 ? scope.proxy4_port_be : scope.proxy6_port_be);
    const auto dst = ntohl(flow.dst.words_be[3]);
    const auto port = ntohs(flow.dst_port_be);
    std::uint32_t source = 0;
    std::uint32_t encoded = 0;
    switch (lane) {
        case SHUNT_LANE_ADDRESS:
            shunt_lane_encode(dst, port, &source, &encoded);
            to.address = base::Address::v4(encoded);
            break;
        case SHUNT_LANE_DICT_PORT:
        case SHUNT_LANE_DICT_ADDRESS:
        case SHUNT_LANE_DICT_RANGE:
        case SHUNT_LANE_DICT_BIND: to.address = base::Address::v4(shunt_token(dst, port, 0)); break;
        default: to.address = base::Address::from_abi(v4 ? scope.proxy4 : scope.proxy6);
    }
    return to;
}

template <class T, class Match>
model::Place place_of(const std::vector<model::Placed<T>>& list, const std::string& fallback, Match match) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto& item) { return match(item.value); });
    return found == list.end() ? model::Place{0, 0, fallback} : found->place;
}

model::Place longest_range(const std::vector<model::Placed<base::Cidr>>& list, const base::Address& address,
                           const std::string& fallback) {
    model::Place place{0, 0, fallback};
    int best = -1;
    for (const auto& range : list)
        if (range.value.contains(address) && range.value.prefix > best) {
            best = range.value.prefix;
            place = range.place;
        }
    return place;
}

// What captured the flow (rules 8 and 9): a port that is included comes first, then `*` or a range.
model::Place capture_place(const model::Capture& capture, const Flow& flow) {
    const auto port = flow.destination.port;
    const auto holds = [&](const base::PortRange& range) { return range.first <= port && port <= range.last; };
    auto place = place_of(capture.include_ports, "", holds);
    if (!place.path.empty()) return place;
    if (capture.include_ranges.all) {
        if (capture.include_ranges.all_place.path.empty()) return {0, 0, "capture.includeOutboundIPRanges"};
        return capture.include_ranges.all_place;
    }
    return longest_range(capture.include_ranges.ranges, flow.destination.address, "capture.includeOutboundIPRanges");
}

model::Place default_place(const char* path) { return {0, 0, path}; }

model::Place rule_place(const model::Settings& settings, const Flow& flow, const Answer& answer) {
    const auto& capture = settings.capture;
    const auto& identity = settings.proxy.identity;
    const auto port = flow.destination.port;
    const auto holds_port = [&](const base::PortRange& range) { return range.first <= port && port <= range.last; };
    switch (answer.reason) {
        case SHUNT_REASON_EXCLUDED_PORT:
            return place_of(capture.exclude_ports, "capture.excludeOutboundPorts", holds_port);
        case SHUNT_REASON_PROXY_CGROUP:
            return identity.cgroup ? identity.cgroup->place : default_place("proxy.identity.cgroup");
        case SHUNT_REASON_PROXY_MARK:
            return identity.mark ? identity.mark->place : default_place("proxy.identity.mark");
        case SHUNT_REASON_PROXY_UID:
            return place_of(identity.uids, "proxy.identity.uids", [&](auto id) { return id == flow.uid; });
        case SHUNT_REASON_PROXY_GID:
            return place_of(identity.gids, "proxy.identity.gids", [&](auto id) { return id == flow.gid; });
        case SHUNT_REASON_OWNER_NOT_INCLUDED: return default_place("capture.includeOutboundOwnerGroups");
        case SHUNT_REASON_OWNER_EXCLUDED:
            return place_of(capture.exclude_owner_groups, "capture.excludeOutboundOwnerGroups",
                            [&](auto id) { return id == flow.gid; });
        case SHUNT_REASON_LOOPBACK:
            return capture.loopback_v4.place.path.empty() ? default_place("capture.outboundIPv4LoopbackCIDR")
                                                          : capture.loopback_v4.place;
        case SHUNT_REASON_EXCLUDED_CIDR:
            return longest_range(capture.exclude_ranges.ranges, flow.destination.address,
                                 "capture.excludeOutboundIPRanges");
        case SHUNT_REASON_NOT_INCLUDED: return default_place("capture.includeOutboundIPRanges");
        case SHUNT_REASON_IPV6_BYPASS:
        case SHUNT_REASON_IPV6_REFUSE: return default_place("capture.ipv6");
        case SHUNT_REASON_PASSTHROUGH_CLUSTER:
        case SHUNT_REASON_BLACK_HOLE_CLUSTER:
            if (answer.listener) return settings.listeners[*answer.listener].place;
            return settings.policy.place.path.empty() ? default_place("outboundTrafficPolicy") : settings.policy.place;
        case SHUNT_REASON_PROXY_DOWN_REFUSE:
        case SHUNT_REASON_PROXY_DOWN_BYPASS: return default_place("proxy.listen");
        case SHUNT_REASON_DIRECT:
        case SHUNT_REASON_NO_ENDPOINT_REFUSE:
        case SHUNT_REASON_NO_ENDPOINT_BYPASS:
            return answer.listener ? settings.listeners[*answer.listener].place : default_place("listeners");
        case SHUNT_REASON_LISTENER:
        case SHUNT_REASON_PORT_LISTENER:
        case SHUNT_REASON_UNMATCHED:
        case SHUNT_REASON_LINK_LOCAL:
        case SHUNT_REASON_BOUND_DEVICE:
        case SHUNT_REASON_LOOPBACK_SOURCE: return capture_place(capture, flow);
        default: return {};  // decided by the flow itself, by no key
    }
}

// As the kernel looks it up: exactly this address and port, then the port.
std::optional<std::size_t> find_listener(const model::Settings& settings, const Flow& flow) {
    std::optional<std::size_t> by_port;
    for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
        const auto& listener = settings.listeners[i];
        if (listener.port != flow.destination.port) continue;
        if (listener.address == flow.destination.address) return i;
        if (listener.address.is_unspecified()) by_port = i;
    }
    return by_port;
}

// An endpoint is chosen at each connect; only whether there is one to choose is known before.
shunt_reason balance_outcome(const Tables& tables, const shunt_scope& scope, const shunt_flow& flow,
                             const shunt_listener& listener) {
    const std::uint32_t family = flow.is_v4 ? 4 : 6;
    const auto has_endpoints = [&](std::uint32_t cluster) { return tables.clusters.contains({cluster, family}); };
    bool any = listener.splits == 0 && has_endpoints(listener.cluster);
    for (std::uint32_t i = 0; i < listener.splits && !any; ++i) {
        const auto split = tables.splits.find({listener.id, i});
        any = split != tables.splits.end() && has_endpoints(split->second.cluster);
    }
    if (any) return SHUNT_REASON_DIRECT;
    return scope.flags & SHUNT_SCOPE_DOWN_BYPASS ? SHUNT_REASON_NO_ENDPOINT_BYPASS : SHUNT_REASON_NO_ENDPOINT_REFUSE;
}

}  // namespace

Answer explain(const Tables& tables, const model::Mesh& mesh, const Flow& flow) {
    const shunt_scope& scope = tables.scope(flow.scope_id);
    const auto settings = model::settings_of(mesh, flow.scope ? &mesh.scopes.at(*flow.scope) : nullptr);
    shunt_env env{&tables, &flow, &scope};
    const shunt_flow abi = to_abi(flow);
    shunt_listener listener{};
    Answer answer;
    answer.reason = shunt_decide(&env, &scope, &abi, &listener);
    const bool v4 = flow.destination.address.is_v4();
    if (shunt_verdict_of(answer.reason) == SHUNT_VERDICT_REDIRECT &&
        !(scope.flags & (v4 ? SHUNT_SCOPE_PROXY_V4 : SHUNT_SCOPE_PROXY_V6)))
        answer.reason =
            scope.flags & SHUNT_SCOPE_DOWN_BYPASS ? SHUNT_REASON_PROXY_DOWN_BYPASS : SHUNT_REASON_PROXY_DOWN_REFUSE;
    if (answer.reason == SHUNT_REASON_DIRECT) answer.reason = balance_outcome(tables, scope, abi, listener);
    answer.verdict = shunt_verdict_of(answer.reason);
    if (listener.id != 0) {
        answer.listener_id = listener.id;
        answer.listener = find_listener(settings, flow);
    }
    if (answer.verdict == SHUNT_VERDICT_BYPASS) answer.to = flow.destination;
    if (answer.verdict == SHUNT_VERDICT_REDIRECT) {
        answer.lane = lane_of(scope, abi);
        answer.to = redirect_target(scope, abi, answer.lane);
    }
    answer.rule = rule_place(settings, flow, answer);
    return answer;
}

}  // namespace shunt::policy
