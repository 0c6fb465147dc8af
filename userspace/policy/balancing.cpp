// SPDX-License-Identifier: Apache-2.0
#include "policy/balancing.h"

#include <arpa/inet.h>

#include <algorithm>

#include "policy/egress.h"

namespace shunt::policy {
namespace {

std::uint32_t hash(const std::string& name) {
    std::uint32_t h = 0x811c9dc5u;  // FNV-1a
    for (const unsigned char c : name) h = (h ^ c) * 0x01000193u;
    return h;
}

// Healthy endpoints only: UNHEALTHY and DRAINING ones get no new connections. Returns whether others were left over, of
// the other family.
bool compile_cluster(const model::Cluster& cluster, std::uint32_t id, std::uint32_t family, Tables& tables) {
    shunt_cluster size{};
    bool others = false;
    for (const auto& endpoint : cluster.endpoints) {
        if (endpoint.health != model::Health::kHealthy || endpoint.weight == 0) continue;
        const auto& address = endpoint.address.address;
        if ((family == 4) != address.is_v4()) {
            others = true;
            continue;
        }
        size.total_weight += endpoint.weight;
        tables.endpoints.append({id, family, size.endpoints++},
                                {size.total_weight, address.to_abi(), htons(endpoint.address.port), 0});
    }
    if (size.endpoints > 0) tables.clusters.append({id, family}, size);
    return others;
}

shunt_listener compile_listener(const model::Listener& listener, std::uint32_t id, const Ids& clusters,
                                SplitTable& splits) {
    shunt_listener compiled{};
    compiled.id = id;
    if (!listener.direct) return compiled;
    compiled.flags = SHUNT_LISTENER_DIRECT;
    if (!listener.cluster.empty()) {
        compiled.cluster = clusters.of(listener.cluster);
        return compiled;
    }
    for (const auto& share : listener.weighted_clusters) {
        if (share.weight == 0) continue;
        compiled.total_weight += share.weight;
        splits.append({id, compiled.splits++}, {compiled.total_weight, clusters.of(share.name)});
    }
    return compiled;
}

// Clusters without a single healthy endpoint, where any scope refuses those. ORIGINAL_DST clusters have none by nature.
std::unordered_set<std::string> refused_clusters(const model::Mesh& mesh) {
    std::unordered_set<std::string> empty;
    const auto refuses = [](const auto& policy) { return policy.empty_cluster == model::EmptyCluster::kRefuse; };
    if (!refuses(mesh.policy) && std::none_of(mesh.scopes.begin(), mesh.scopes.end(), [&](const auto& scope) {
            return scope.policy && refuses(*scope.policy);
        }))
        return empty;
    for (const auto& cluster : mesh.clusters) {
        if (cluster.type == model::ClusterType::kOriginalDst) continue;
        const bool alive = std::any_of(cluster.endpoints.begin(), cluster.endpoints.end(),
                                       [](const auto& endpoint) { return endpoint.health == model::Health::kHealthy; });
        if (!alive) empty.insert(cluster.name);
    }
    return empty;
}

}  // namespace

Ids::Ids(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::unordered_set<std::uint32_t> taken;
    taken.reserve(names.size());
    ids_.reserve(names.size());
    for (auto& name : names) {
        std::uint32_t id = hash(name);
        while (id == 0 || taken.contains(id)) ++id;
        taken.insert(id);
        ids_.emplace(std::move(name), id);
    }
}

std::uint32_t Ids::of(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? 0 : found->second;
}

Ids cluster_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    names.reserve(mesh.clusters.size());
    for (const auto& cluster : mesh.clusters) names.push_back(cluster.name);
    return Ids(std::move(names));
}

std::string listener_name(const model::Scope* scope, const model::Listener& listener) {
    // No configured name has a line break.
    return scope == nullptr ? listener.name : scope->name + "\n" + listener.name;
}

Ids listener_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    for (const auto& listener : mesh.listeners) names.push_back(listener_name(nullptr, listener));
    for (const auto& scope : mesh.scopes)
        if (scope.listeners)
            for (const auto& listener : *scope.listeners) names.push_back(listener_name(&scope, listener));
    return Ids(std::move(names));
}

Ids scope_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    for (const auto& scope : mesh.scopes) names.push_back(scope.name);
    return Ids(std::move(names));
}

void compile_clusters(const model::Mesh& mesh, const Ids& clusters, Tables& tables) {
    // In the order of the table, so that nothing is left to sort.
    std::vector<std::pair<std::uint32_t, const model::Cluster*>> ordered;
    ordered.reserve(mesh.clusters.size());
    for (const auto& cluster : mesh.clusters) ordered.emplace_back(clusters.of(cluster.name), &cluster);
    std::sort(ordered.begin(), ordered.end(),
              [](const auto& a, const auto& b) { return std::memcmp(&a.first, &b.first, sizeof a.first) < 0; });
    std::size_t endpoints = 0;
    for (const auto& cluster : mesh.clusters) endpoints += cluster.endpoints.size();
    tables.endpoints.reserve(endpoints);
    for (const auto& [id, cluster] : ordered)
        if (compile_cluster(*cluster, id, 4, tables)) compile_cluster(*cluster, id, 6, tables);
    tables.clusters.finish();
    tables.endpoints.finish();
}

ListenerContext::ListenerContext(const model::Mesh& whole)
    : mesh(whole), clusters(cluster_ids(whole)), listeners(listener_ids(whole)), empty(refused_clusters(whole)) {}

ListenerTable compile_listeners(const ListenerContext& context, const model::Scope* scope, SplitTable& splits) {
    ListenerTable table;
    const auto settings = model::settings_of(context.mesh, scope);
    const auto* owner = scope != nullptr && scope->listeners ? scope : nullptr;
    const bool refuse_empty = settings.policy.empty_cluster == model::EmptyCluster::kRefuse;
    const Egress egress(context.mesh, settings.egress_hosts);
    for (const auto& listener : settings.listeners) {
        if (!egress.sees(listener)) continue;
        shunt_listener_key key{};
        if (!listener.address.is_unspecified()) key.addr = listener.address.to_abi();
        key.port_be = htons(listener.port);
        const auto id = context.listeners.of(listener_name(owner, listener));
        auto compiled = compile_listener(listener, id, context.clusters, splits);
        if (!listener.direct && refuse_empty && context.empty.contains(listener.cluster))
            compiled.flags |= SHUNT_LISTENER_EMPTY;
        table.append(key, compiled);
    }
    table.finish();
    return table;
}

}  // namespace shunt::policy
