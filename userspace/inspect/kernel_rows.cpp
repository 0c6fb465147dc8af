// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <map>

#include "inspect/rows.h"

namespace shunt::inspect {
namespace {

std::vector<Share> splits_of(const policy::Tables& tables, const shunt_listener& listener, const Names& names) {
    if (listener.splits == 0) return {{names.cluster(listener.cluster), 100, 100}};
    std::vector<Share> shares;
    std::uint32_t before = 0;
    for (std::uint32_t i = 0; i < listener.splits; ++i) {
        const auto split = tables.splits.find({listener.id, i});
        if (split == tables.splits.end()) continue;
        const auto weight = split->second.upto - before;
        before = split->second.upto;
        shares.push_back({names.cluster(split->second.cluster), weight,
                          listener.total_weight == 0 ? 0 : 100.0 * weight / listener.total_weight});
    }
    return shares;
}

// By decide.h: direct comes first, then an empty cluster, then the proxy.
std::string deed(const shunt_listener& listener) {
    if (listener.flags & SHUNT_LISTENER_DIRECT) return "balance";
    return listener.flags & SHUNT_LISTENER_EMPTY ? "refuse" : "redirect";
}

// What becomes of connections that no listener claims.
ListenerRow unmatched_row(const shunt_scope& scope, const std::string& label, bool v4) {
    ListenerRow row;
    row.scope = label;
    row.name = "virtualOutbound";
    row.address = base::to_string(base::Address::from_abi(v4 ? scope.proxy4 : scope.proxy6));
    row.port = ntohs(v4 ? scope.proxy4_port_be : scope.proxy6_port_be);
    const bool registry_only = scope.flags & SHUNT_SCOPE_REGISTRY_ONLY;
    row.clusters = {{registry_only ? "BlackHoleCluster" : "PassthroughCluster", 100, 100}};
    row.unmatched = true;
    row.kernel = "redirect";
    if (scope.flags & SHUNT_SCOPE_KERNEL_POLICY) row.kernel = registry_only ? "refuse" : "bypass";
    return row;
}

}  // namespace

std::vector<ListenerRow> listener_rows(const policy::Tables& tables, const Names& names, bool from_configuration) {
    std::vector<ListenerRow> rows;
    for (const auto& [key, scope] : tables.scopes) {
        if (key.cgroup_id != 0) continue;
        for (const bool v4 : {true, false})
            if (scope.flags & (v4 ? SHUNT_SCOPE_PROXY_V4 : SHUNT_SCOPE_PROXY_V6))
                rows.push_back(unmatched_row(scope, "", v4));
    }
    for (const auto& [key, listener] : tables.listeners) {
        ListenerRow row;
        row.scope = names.set(key.set);
        row.id = listener.id;
        row.name = names.listener(listener.id);
        const auto address = base::Address::from_abi(key.addr);
        row.address = address.is_unspecified() ? "0.0.0.0" : base::to_string(address);
        row.port = ntohs(key.port_be);
        row.kernel = deed(listener);
        if (listener.flags & SHUNT_LISTENER_DIRECT) row.clusters = splits_of(tables, listener, names);
        if (!from_configuration) row.hits = listener.hits;
        if (const auto* written = from_configuration ? names.find_listener(listener.id) : nullptr) {
            row.route = written->route_config_name;
            row.clusters = written->cluster.empty() ? shares_of(written->weighted_clusters)
                                                    : std::vector<Share>{{written->cluster, 100, 100}};
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

Rows rows_of(const policy::Tables& tables, const Names& names) {
    Rows rows;
    rows.listeners = listener_rows(tables, names, false);
    std::map<std::uint32_t, shunt_cluster> clusters;  // both families
    for (const auto& [key, cluster] : tables.clusters) {
        clusters[key.cluster].endpoints += cluster.endpoints;
        clusters[key.cluster].hits += cluster.hits;
    }
    for (const auto& [id, cluster] : clusters) {
        auto row = cluster_row(names.cluster(id));
        row.endpoints = cluster.endpoints;
        row.healthy = cluster.endpoints;
        row.hits = cluster.hits;
        rows.clusters.push_back(std::move(row));
    }
    for (const auto& [key, cluster] : tables.clusters) {
        std::uint32_t before = 0;
        for (std::uint32_t i = 0; i < cluster.endpoints; ++i) {
            const auto found = tables.endpoints.find({key.cluster, key.family, i});
            if (found == tables.endpoints.end()) continue;
            const auto& endpoint = found->second;
            rows.endpoints.push_back({{base::Address::from_abi(endpoint.addr), ntohs(endpoint.port_be)},
                                      "HEALTHY",
                                      endpoint.upto - before,
                                      names.cluster(key.cluster)});
            before = endpoint.upto;
        }
    }
    sort_rows(rows);
    return rows;
}

}  // namespace shunt::inspect
