// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include "policy/balancing.h"
#include "policy/tables.h"

namespace shunt::policy {
namespace {

shunt_cidr4_key key4(const base::Cidr& cidr) {
    return {static_cast<std::uint32_t>(cidr.prefix), cidr.address.to_abi().words_be[3]};
}

shunt_cidr6_key key6(const base::Cidr& cidr) {
    shunt_cidr6_key key{};
    key.prefix_len = static_cast<std::uint32_t>(cidr.prefix);
    std::memcpy(key.addr_be, cidr.address.bytes.data(), 16);
    return key;
}

// Collects ranges with their flags, then hands every prefix the flags of the shorter ones that hold it, because an LPM
// look-up returns the longest prefix only. Ordered by address, then prefix: what covers comes before what it covers.
class CidrCollector {
public:
    void add(const base::Cidr& cidr, std::uint32_t flags) { flags_[cidr] |= flags; }

    void write(Tables& tables) const {
        std::vector<std::pair<base::Cidr, std::uint32_t>> covering;  // a chain, widest first
        for (const auto& [cidr, own] : flags_) {
            while (!covering.empty() && !covering.back().first.contains(cidr.address)) covering.pop_back();
            const std::uint32_t flags = own | (covering.empty() ? 0 : covering.back().second);
            covering.emplace_back(cidr, flags);
            if (cidr.is_v4())
                tables.cidrs4[key4(cidr)] = {flags};
            else
                tables.cidrs6[key6(cidr)] = {flags};
        }
    }

private:
    std::map<base::Cidr, std::uint32_t> flags_;  // by address, then by prefix
};

void compile_ports(const model::Capture& capture, Tables& tables) {
    const auto mark = [&](const auto& ranges, std::uint32_t flag) {
        for (const auto& range : ranges)
            for (unsigned port = range.value.first; port <= range.value.last; ++port)
                tables.ports[{htons(static_cast<std::uint16_t>(port)), 0}].flags |= flag;
    };
    mark(capture.include_ports, SHUNT_PORT_INCLUDED);
    mark(capture.exclude_ports, SHUNT_PORT_EXCLUDED);
}

void compile_cidrs(const model::Capture& capture, Tables& tables) {
    CidrCollector ranges;
    const base::Cidr all_v4{base::Address::v4(0), 0};
    const base::Cidr all_v6{base::Address{}, 0};
    bool include_own = false;
    for (const auto& range : capture.include_ranges.ranges) {
        ranges.add(range.value, SHUNT_CIDR_INCLUDED);
        // As in istio-iptables: a loopback address written among the included ranges, of either family.
        include_own = include_own || range.value.address.is_loopback();
    }
    for (const auto& range : capture.exclude_ranges.ranges) ranges.add(range.value, SHUNT_CIDR_EXCLUDED);
    if (capture.exclude_ranges.all) {
        ranges.add(all_v4, SHUNT_CIDR_EXCLUDED);
        ranges.add(all_v6, SHUNT_CIDR_EXCLUDED);
    }
    // Loopback destinations are "own" and decided before; only where they follow the rules does rule 7 need its ranges.
    const auto& loopback = capture.loopback_v4.value;
    if (include_own || !loopback.address.is_loopback()) ranges.add(loopback, SHUNT_CIDR_LOOPBACK);
    if (include_own) {
        base::Cidr v6{base::Address{}, 128};
        v6.address.bytes[15] = 1;
        ranges.add(v6, SHUNT_CIDR_LOOPBACK);
        tables.scope.flags |= SHUNT_SCOPE_INCLUDE_OWN;
    }
    ranges.write(tables);
    if (capture.include_ranges.all) tables.scope.flags |= SHUNT_SCOPE_INCLUDE_ALL;
}

void compile_owners(const model::Mesh& mesh, Tables& tables) {
    const auto& capture = mesh.capture;
    const auto mark = [&](const auto& ids, std::uint32_t kind, std::uint32_t flag) {
        for (const auto& id : ids) {
            tables.owners[{kind, id.value}].flags |= flag;
            tables.scope.flags |= kind == SHUNT_OWNER_UID ? SHUNT_SCOPE_UIDS : SHUNT_SCOPE_GIDS;
        }
    };
    mark(mesh.proxy.identity.uids, SHUNT_OWNER_UID, SHUNT_OWNER_PROXY);
    mark(mesh.proxy.identity.gids, SHUNT_OWNER_GID, SHUNT_OWNER_PROXY);
    mark(capture.include_owner_groups.gids, SHUNT_OWNER_GID, SHUNT_OWNER_INCLUDED);
    mark(capture.exclude_owner_groups, SHUNT_OWNER_GID, SHUNT_OWNER_EXCLUDED);
    if (!capture.include_owner_groups.all) tables.scope.flags |= SHUNT_SCOPE_OWNER_INCLUDE_LIST;
}

void compile_proxy(const model::Mesh& mesh, const Resolved& resolved, shunt_scope& scope) {
    const auto& proxy = mesh.proxy;
    if (proxy.listen_v4) {
        scope.flags |= SHUNT_SCOPE_PROXY_V4;
        scope.proxy4 = proxy.listen_v4->value.address.to_abi();
        scope.proxy4_port_be = htons(proxy.listen_v4->value.port);
        if (proxy.listen_v4->value.address.is_unspecified()) scope.flags |= SHUNT_SCOPE_PROXY_V4_WILDCARD;
    }
    if (proxy.listen_v6) {
        scope.flags |= SHUNT_SCOPE_PROXY_V6;
        scope.proxy6 = proxy.listen_v6->value.address.to_abi();
        scope.proxy6_port_be = htons(proxy.listen_v6->value.port);
        if (proxy.listen_v6->value.address.is_unspecified()) scope.flags |= SHUNT_SCOPE_PROXY_V6_WILDCARD;
    }
    if (proxy.identity.mark) {
        scope.flags |= SHUNT_SCOPE_PROXY_MARK;
        scope.proxy_mark = proxy.identity.mark->value;
    }
    if (resolved.proxy_cgroup_id) {
        scope.flags |= SHUNT_SCOPE_PROXY_CGROUP;
        scope.proxy_cgroup_id = *resolved.proxy_cgroup_id;
        scope.proxy_cgroup_level = resolved.proxy_cgroup_level;
    }
    if (proxy.lane == model::LaneMode::kRecord) scope.flags |= SHUNT_SCOPE_LANE_RECORD;
    if (proxy.when_down == model::WhenDown::kBypass) scope.flags |= SHUNT_SCOPE_DOWN_BYPASS;
}

void compile_scope(const model::Mesh& mesh, shunt_scope& scope) {
    if (mesh.on_internal_error == model::OnInternalError::kBypass) scope.flags |= SHUNT_SCOPE_ERROR_BYPASS;
    const auto ipv6 = mesh.capture.ipv6;
    if (ipv6 == model::Ipv6Mode::kRefuse) scope.flags |= SHUNT_SCOPE_IPV6_REFUSE;
    if (ipv6 == model::Ipv6Mode::kCapture || (ipv6 == model::Ipv6Mode::kAuto && mesh.proxy.listen_v6))
        scope.flags |= SHUNT_SCOPE_IPV6_CAPTURE;
    if (mesh.policy.enforced_by == model::EnforcedBy::kKernel) scope.flags |= SHUNT_SCOPE_KERNEL_POLICY;
    if (mesh.policy.mode == model::PolicyMode::kRegistryOnly) scope.flags |= SHUNT_SCOPE_REGISTRY_ONLY;
    if (mesh.capture.client_address_v4) {
        scope.flags |= SHUNT_SCOPE_CLIENT4;
        scope.client4_be = mesh.capture.client_address_v4->value.to_abi().words_be[3];
    }
    if (mesh.capture.client_address_v6) {
        scope.flags |= SHUNT_SCOPE_CLIENT6;
        scope.client6 = mesh.capture.client_address_v6->value.to_abi();
    }
}

}  // namespace

Tables compile(const model::Mesh& mesh, const Resolved& resolved) {
    Tables tables;
    tables.scope.flags = SHUNT_SCOPE_VALID;
    compile_proxy(mesh, resolved, tables.scope);
    compile_scope(mesh, tables.scope);
    compile_ports(mesh.capture, tables);
    compile_cidrs(mesh.capture, tables);
    compile_owners(mesh, tables);
    compile_balancing(mesh, tables);
    if (!tables.ports.empty()) tables.scope.flags |= SHUNT_SCOPE_PORTS;
    if (!tables.cidrs4.empty()) tables.scope.flags |= SHUNT_SCOPE_CIDRS4;
    if (!tables.cidrs6.empty()) tables.scope.flags |= SHUNT_SCOPE_CIDRS6;
    if (!tables.listeners.empty()) tables.scope.flags |= SHUNT_SCOPE_LISTENERS;
    return tables;
}

std::size_t entries(const Tables& tables) {
    std::size_t sum = 0;
    for_each_table([&](const char*, auto member) { sum += (tables.*member).size(); });
    return sum;
}

}  // namespace shunt::policy
