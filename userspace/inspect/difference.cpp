// SPDX-License-Identifier: Apache-2.0
#include "inspect/difference.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>
#include <map>

#include "inspect/rows.h"

namespace shunt::inspect {
namespace {

using Facts = std::map<std::pair<std::string, std::string>, std::string>;  // what, key -> value

std::string flags(std::uint32_t set, std::initializer_list<std::pair<std::uint32_t, const char*>> names) {
    std::string text;
    for (const auto& [bit, name] : names)
        if (set & bit) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

std::string of_set(const std::string& key, std::uint32_t set, const Names& names) {
    return set == 0 ? key : key + " (" + names.set(set) + ")";
}

std::string address(const shunt_ip& ip, std::uint16_t port_be) {
    return base::to_string(base::SocketAddress{base::Address::from_abi(ip), ntohs(port_be)});
}

void add_scopes(const policy::Tables& tables, const Names& names, Facts& facts) {
    for (const auto& [key, scope] : tables.scopes) {
        const auto label = key.cgroup_id == 0 ? std::string("base") : names.cgroup(key.cgroup_id);
        const auto add = [&](const char* field, const std::string& value) {
            facts[{"scope", label + " " + field}] = value;
        };
        add("flags", fmt::format("0x{:x}", scope.flags));
        if (scope.flags & SHUNT_SCOPE_PROXY_V4) add("proxy (v4)", address(scope.proxy4, scope.proxy4_port_be));
        if (scope.flags & SHUNT_SCOPE_PROXY_V6) add("proxy (v6)", address(scope.proxy6, scope.proxy6_port_be));
        if (scope.flags & SHUNT_SCOPE_PROXY_MARK) add("proxy mark", fmt::format("0x{:x}", scope.proxy_mark));
        if (scope.flags & SHUNT_SCOPE_PROXY_CGROUP)
            add("proxy cgroup",
                fmt::format("{} (level {})", names.cgroup(scope.proxy_cgroup_id), scope.proxy_cgroup_level));
        if (scope.flags & SHUNT_SCOPE_CLIENT4)
            add("client address (v4)", base::to_string(base::Address::v4(ntohl(scope.client4_be))));
        if (scope.flags & SHUNT_SCOPE_CLIENT6)
            add("client address (v6)", base::to_string(base::Address::from_abi(scope.client6)));
        const auto set = [&](std::uint32_t number) { return number == 0 ? "base" : names.set(number); };
        add("sets", fmt::format("ports {}, ranges {}, owners {}, listeners {}", set(scope.ports_set),
                                set(scope.cidrs_set), set(scope.owners_set), set(scope.listeners_set)));
    }
    std::string ports;
    for (std::uint32_t i = 0; i < tables.bank.proxy_ports && i < SHUNT_PROXY_PORTS; ++i)
        ports += (i == 0 ? "" : ", ") + std::to_string(ntohs(tables.bank.proxy_ports_be[i]));
    facts[{"scope", "all proxy ports"}] = ports;
    facts[{"scope", "all cgroup levels"}] = fmt::format("0x{:x}", tables.bank.levels);
}

std::string range_flags(std::uint32_t set) {
    return flags(
        set, {{SHUNT_CIDR_INCLUDED, "included"}, {SHUNT_CIDR_EXCLUDED, "excluded"}, {SHUNT_CIDR_LOOPBACK, "loopback"}});
}

void add_capture(const policy::Tables& tables, const Names& names, Facts& facts) {
    for (const auto& [key, rule] : tables.ports)
        facts[{"port", of_set(std::to_string(ntohs(key.port_be)) + "/tcp", key.set, names)}] =
            flags(rule.flags, {{SHUNT_PORT_EXCLUDED, "excluded"}, {SHUNT_PORT_INCLUDED, "included"}});
    for (const auto& [key, rule] : tables.cidrs4) {
        const base::Cidr range{base::Address::v4(ntohl(key.addr_be)), static_cast<int>(key.prefix_len) - 32};
        facts[{"range", of_set(base::to_string(range), key.set, names)}] = range_flags(rule.flags);
    }
    for (const auto& [key, rule] : tables.cidrs6) {
        base::Cidr range{{}, static_cast<int>(key.prefix_len) - 32};
        std::memcpy(range.address.bytes.data(), key.addr_be, range.address.bytes.size());
        facts[{"range", of_set(base::to_string(range), key.set, names)}] = range_flags(rule.flags);
    }
    for (const auto& [key, rule] : tables.owners)
        facts[{"owner",
               of_set((key.kind == SHUNT_OWNER_UID ? "uid " : "gid ") + std::to_string(key.id), key.set, names)}] =
            flags(
                rule.flags,
                {{SHUNT_OWNER_PROXY, "proxy"}, {SHUNT_OWNER_INCLUDED, "included"}, {SHUNT_OWNER_EXCLUDED, "excluded"}});
}

void add_rows(const policy::Tables& tables, const Names& names, Facts& facts) {
    const auto rows = rows_of(tables, names);
    for (const auto& row : rows.listeners) {
        if (row.unmatched) continue;  // the scope's facts say it
        std::string value = row.name + ": " + row.kernel;
        for (const auto& share : row.clusters) value += fmt::format(" {}={}", share.cluster, share.weight);
        const auto key = row.address + ":" + std::to_string(row.port);
        facts[{"listener", row.scope.empty() ? key : key + " (" + row.scope + ")"}] = value;
    }
    for (const auto& row : rows.clusters)
        facts[{"cluster", row.name}] = std::to_string(row.endpoints) + " healthy endpoints";
    for (const auto& row : rows.endpoints) {
        // The same address twice in one cluster has the weight of both.
        auto& value = facts[{"endpoint", row.cluster + " " + base::to_string(row.address)}];
        value += (value.empty() ? "weight " : " + ") + std::to_string(row.weight);
    }
}

Facts facts_of(const policy::Tables& tables, const Names& names) {
    Facts facts;
    add_scopes(tables, names, facts);
    add_capture(tables, names, facts);
    add_rows(tables, names, facts);
    return facts;
}

}  // namespace

std::vector<Difference> differences(const policy::Tables& configuration, const policy::Tables& kernel,
                                    const Names& names) {
    const auto wanted = facts_of(configuration, names);
    const auto present = facts_of(kernel, names);
    std::vector<Difference> found;
    for (const auto& [key, value] : wanted) {
        const auto there = present.find(key);
        if (there != present.end() && there->second == value) continue;
        found.push_back({key.first, key.second, value, there == present.end() ? "" : there->second});
    }
    for (const auto& [key, value] : present)
        if (!wanted.contains(key)) found.push_back({key.first, key.second, "", value});
    return found;
}

}  // namespace shunt::inspect
