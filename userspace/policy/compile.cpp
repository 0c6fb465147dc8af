// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "policy/balancing.h"
#include "policy/sets.h"
#include "policy/tables.h"

namespace shunt::policy {
namespace {

constexpr std::uint32_t kDeepestLevel = 31;  // bits of shunt_bank::levels

std::set<std::uint16_t> proxy_ports(const model::Mesh& mesh) {
    std::set<std::uint16_t> ports;
    const auto add = [&](const model::Proxy& proxy) {
        if (proxy.listen_v4) ports.insert(proxy.listen_v4->value.port);
    };
    add(mesh.proxy);
    for (const auto& scope : mesh.scopes)
        if (scope.proxy) add(*scope.proxy);
    return ports;
}

// Keys are made with set 0; what becomes another scope's own copy is stamped afterwards.
shunt_cidr4_key key4(const base::Cidr& cidr) {
    return {32 + static_cast<std::uint32_t>(cidr.prefix), 0, cidr.address.to_abi().words_be[3]};
}

shunt_cidr6_key key6(const base::Cidr& cidr) {
    shunt_cidr6_key key{};
    key.prefix_len = 32 + static_cast<std::uint32_t>(cidr.prefix);
    std::memcpy(key.addr_be, cidr.address.bytes.data(), 16);
    return key;
}

// Collects ranges with their flags, then hands every prefix the flags of the shorter ones that hold it, because an LPM
// look-up returns the longest prefix only. Ordered by address, then prefix: what covers comes before what it covers.
class CidrCollector {
public:
    void add(const base::Cidr& cidr, std::uint32_t flags) { ranges_.emplace_back(cidr, flags); }

    void write(Parts& parts) {
        const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };  // by address, then prefix
        if (!std::is_sorted(ranges_.begin(), ranges_.end(), before)) std::sort(ranges_.begin(), ranges_.end(), before);
        std::vector<Range> covering;  // a chain, widest first
        for (auto range = ranges_.begin(); range != ranges_.end();) {
            const auto cidr = range->first;
            std::uint32_t flags = 0;
            for (; range != ranges_.end() && range->first == cidr; ++range) flags |= range->second;
            while (!covering.empty() && !covering.back().first.contains(cidr.address)) covering.pop_back();
            if (!covering.empty()) flags |= covering.back().second;
            covering.emplace_back(cidr, flags);
            if (cidr.is_v4())
                parts.cidrs4.append(key4(cidr), {flags});
            else
                parts.cidrs6.append(key6(cidr), {flags});
        }
        parts.cidrs4.finish();
        parts.cidrs6.finish();
    }

private:
    using Range = std::pair<base::Cidr, std::uint32_t>;
    std::vector<Range> ranges_;
};

void compile_ports(const model::Capture& capture, Parts& parts) {
    const auto mark = [&](const auto& ranges, std::uint32_t flag) {
        for (const auto& range : ranges)
            for (unsigned port = range.value.first; port <= range.value.last; ++port)
                parts.ports[{0, htons(static_cast<std::uint16_t>(port)), 0}].flags |= flag;
    };
    mark(capture.include_ports, SHUNT_PORT_INCLUDED);
    mark(capture.exclude_ports, SHUNT_PORT_EXCLUDED);
}

void compile_cidrs(const model::Capture& capture, Parts& parts) {
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
        parts.scope.flags |= SHUNT_SCOPE_INCLUDE_OWN;
    }
    ranges.write(parts);
    if (capture.include_ranges.all) parts.scope.flags |= SHUNT_SCOPE_INCLUDE_ALL;
}

void compile_owners(const model::Settings& settings, Parts& parts) {
    const auto& capture = settings.capture;
    const auto mark = [&](const auto& ids, std::uint32_t kind, std::uint32_t flag) {
        for (const auto& id : ids) {
            parts.owners[{kind, id.value, 0}].flags |= flag;
            parts.scope.flags |= kind == SHUNT_OWNER_UID ? SHUNT_SCOPE_UIDS : SHUNT_SCOPE_GIDS;
        }
    };
    mark(settings.proxy.identity.uids, SHUNT_OWNER_UID, SHUNT_OWNER_PROXY);
    mark(settings.proxy.identity.gids, SHUNT_OWNER_GID, SHUNT_OWNER_PROXY);
    mark(capture.include_owner_groups.gids, SHUNT_OWNER_GID, SHUNT_OWNER_INCLUDED);
    mark(capture.exclude_owner_groups, SHUNT_OWNER_GID, SHUNT_OWNER_EXCLUDED);
    if (!capture.include_owner_groups.all) parts.scope.flags |= SHUNT_SCOPE_OWNER_INCLUDE_LIST;
}

void compile_proxy(const model::Proxy& proxy, const std::optional<CgroupId>& cgroup, shunt_scope& scope) {
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
    if (cgroup) {
        scope.flags |= SHUNT_SCOPE_PROXY_CGROUP;
        scope.proxy_cgroup_id = cgroup->id;
        scope.proxy_cgroup_level = cgroup->level;
    }
    if (proxy.lane == model::LaneMode::kRecord) scope.flags |= SHUNT_SCOPE_LANE_RECORD;
    if (proxy.when_down == model::WhenDown::kBypass) scope.flags |= SHUNT_SCOPE_DOWN_BYPASS;
    // A listener's socket need not carry the mark of the proxy's connections: by a mark alone the proxy is not known
    // yet.
    const auto& identity = proxy.identity;
    const bool known = identity.cgroup || !identity.uids.empty() || !identity.gids.empty();
    if (proxy.bind_guard && known) scope.flags |= SHUNT_SCOPE_BIND_GUARD;
}

void compile_settings(const model::Settings& settings, shunt_scope& scope) {
    if (settings.on_internal_error == model::OnInternalError::kBypass) scope.flags |= SHUNT_SCOPE_ERROR_BYPASS;
    const auto ipv6 = settings.capture.ipv6;
    if (ipv6 == model::Ipv6Mode::kRefuse) scope.flags |= SHUNT_SCOPE_IPV6_REFUSE;
    if (ipv6 == model::Ipv6Mode::kCapture || (ipv6 == model::Ipv6Mode::kAuto && settings.proxy.listen_v6))
        scope.flags |= SHUNT_SCOPE_IPV6_CAPTURE;
    if (settings.policy.enforced_by == model::EnforcedBy::kKernel) scope.flags |= SHUNT_SCOPE_KERNEL_POLICY;
    if (settings.policy.mode == model::PolicyMode::kRegistryOnly) scope.flags |= SHUNT_SCOPE_REGISTRY_ONLY;
    if (settings.capture.client_address_v4) {
        scope.flags |= SHUNT_SCOPE_CLIENT4;
        scope.client4_be = settings.capture.client_address_v4->value.to_abi().words_be[3];
    }
    if (settings.capture.client_address_v6) {
        scope.flags |= SHUNT_SCOPE_CLIENT6;
        scope.client6 = settings.capture.client_address_v6->value.to_abi();
    }
}

// What a scope's tables would hold if it were alone: all under set 0.
Parts compile_parts(const model::Settings& settings, const std::optional<CgroupId>& proxy_cgroup) {
    Parts parts;
    parts.scope.flags = SHUNT_SCOPE_VALID;
    compile_proxy(settings.proxy, proxy_cgroup, parts.scope);
    compile_settings(settings, parts.scope);
    compile_ports(settings.capture, parts);
    compile_cidrs(settings.capture, parts);
    compile_owners(settings, parts);
    if (!parts.ports.empty()) parts.scope.flags |= SHUNT_SCOPE_PORTS;
    if (!parts.cidrs4.empty()) parts.scope.flags |= SHUNT_SCOPE_CIDRS4;
    if (!parts.cidrs6.empty()) parts.scope.flags |= SHUNT_SCOPE_CIDRS6;
    return parts;
}

}  // namespace

struct Compiler::Memory {
    Numbers numbers;
    Tables tables;
};

Compiler::Compiler() : memory_(std::make_unique<Memory>()) {}
Compiler::Compiler(Compiler&&) noexcept = default;
Compiler& Compiler::operator=(Compiler&&) noexcept = default;
Compiler::~Compiler() = default;

const Tables& Compiler::compile(const model::Mesh& mesh, const Resolved& resolved) {
    Tables tables;
    memory_->numbers.follow(mesh);
    const ListenerContext context(mesh, memory_->numbers);
    compile_clusters(mesh, memory_->numbers, memory_->tables, tables);
    ScopeCompiler compiler(context, tables);
    auto base = compiler.compile(nullptr, compile_parts(model::settings_of(mesh, nullptr), resolved.proxy));
    tables.scopes.append({0}, base);
    std::vector<std::pair<CgroupId, shunt_scope>> outside;
    for (std::size_t i = 0; i < mesh.scopes.size(); ++i) {
        const auto& scope = mesh.scopes[i];
        const auto& where = resolved.scopes.at(i);
        const auto settings = compiler.compile(&scope, compile_parts(model::settings_of(mesh, &scope), where.proxy));
        for (const auto& cgroup : where.cgroups) {
            tables.scopes.append({cgroup.id}, settings);
            tables.bank.levels |= 1u << cgroup.level;
        }
        if (where.proxy && scope.proxy) outside.emplace_back(*where.proxy, settings);
    }
    compiler.finish();
    // A proxy of a scope's own lives under that scope's settings wherever it runs.
    for (const auto& [cgroup, settings] : outside) {
        if (!tables.scopes.contains({cgroup.id})) tables.scopes[{cgroup.id}] = settings;
        tables.bank.levels |= 1u << cgroup.level;
    }
    const auto ports = proxy_ports(mesh);
    tables.bank.captured = resolved.captured;
    tables.bank.proxy_ports = static_cast<std::uint32_t>(ports.size());
    std::transform(ports.begin(), ports.end(), tables.bank.proxy_ports_be, [](auto port) { return htons(port); });
    for_each_table([&](const char*, auto member) { (tables.*member).share(memory_->tables.*member); });
    memory_->tables = std::move(tables);
    return memory_->tables;
}

Tables compile(const model::Mesh& mesh, const Resolved& resolved) { return Compiler().compile(mesh, resolved); }

Resolved offline(const model::Mesh& mesh) {
    // That a cgroup is configured is enough to answer for a flow that comes from it.
    Resolved resolved;
    const auto proxy_of = [](const model::Proxy& proxy) {
        return proxy.identity.cgroup ? std::optional<CgroupId>({~0ull, 1}) : std::nullopt;
    };
    resolved.proxy = proxy_of(mesh.proxy);
    for (std::size_t i = 0; i < mesh.scopes.size(); ++i)
        resolved.scopes.push_back({{{i + 1, 1}}, proxy_of(model::settings_of(mesh, &mesh.scopes[i]).proxy)});
    return resolved;
}

base::Status check_limits(const model::Mesh& mesh, const Resolved& resolved) {
    if (const auto ports = proxy_ports(mesh); ports.size() > SHUNT_PROXY_PORTS)
        return base::fail("scopes name " + std::to_string(ports.size()) + " different IPv4 ports of proxies; at most " +
                          std::to_string(SHUNT_PROXY_PORTS) + " are possible");
    for (std::size_t i = 0; i < resolved.scopes.size(); ++i) {
        auto cgroups = resolved.scopes[i].cgroups;
        if (resolved.scopes[i].proxy) cgroups.push_back(*resolved.scopes[i].proxy);  // it is looked up as well
        for (const auto& cgroup : cgroups)
            if (cgroup.level > kDeepestLevel)
                return base::fail(mesh.scopes[i].place.path + ": a cgroup of scope " + mesh.scopes[i].name + " lies " +
                                  std::to_string(cgroup.level) + " levels deep; at most " +
                                  std::to_string(kDeepestLevel) + " are possible");
    }
    return {};
}

const shunt_scope& Tables::scope(std::uint64_t cgroup_id) const {
    static const shunt_scope none{};
    auto found = scopes.find({cgroup_id});
    if (found == scopes.end()) found = scopes.find({0});
    return found == scopes.end() ? none : found->second;
}

std::size_t entries(const Tables& tables) {
    std::size_t sum = 0;
    for_each_table([&](const char*, auto member) { sum += (tables.*member).size(); });
    return sum;
}

}  // namespace shunt::policy
