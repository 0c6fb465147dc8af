// SPDX-License-Identifier: Apache-2.0
#include "policy/balancing.h"

#include <arpa/inet.h>

#include <algorithm>
#include <unordered_set>

namespace shunt::policy {
namespace {

std::uint32_t hash(const std::string& name) {
    std::uint32_t h = 0x811c9dc5u;  // FNV-1a
    for (const unsigned char c : name) h = (h ^ c) * 0x01000193u;
    return h;
}

template <class Item>
Ids ids_of(const std::vector<Item>& items) {
    std::vector<std::string> names;
    names.reserve(items.size());
    for (const auto& item : items) names.push_back(item.name);
    return Ids(std::move(names));
}

// Healthy endpoints only: UNHEALTHY and DRAINING ones get no new connections.
void compile_cluster(const model::Cluster& cluster, std::uint32_t id, Tables& tables) {
    for (const std::uint32_t family : {4u, 6u}) {
        shunt_cluster size{};
        for (const auto& endpoint : cluster.endpoints) {
            if (endpoint.health != model::Health::kHealthy || endpoint.weight == 0) continue;
            if ((family == 4) != endpoint.address.address.is_v4()) continue;
            size.total_weight += endpoint.weight;
            tables.endpoints[{id, family, size.endpoints++}] = {size.total_weight, endpoint.address.address.to_abi(),
                                                                htons(endpoint.address.port), 0};
        }
        if (size.endpoints > 0) tables.clusters[{id, family}] = size;
    }
}

shunt_listener compile_listener(const model::Listener& listener, std::uint32_t id, const Ids& clusters,
                                Tables& tables) {
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
        tables.splits[{id, compiled.splits++}] = {compiled.total_weight, clusters.of(share.name)};
    }
    return compiled;
}

// Clusters without a single healthy endpoint. ORIGINAL_DST clusters have none by nature.
std::unordered_set<std::string> empty_clusters(const model::Mesh& mesh) {
    std::unordered_set<std::string> empty;
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

Ids cluster_ids(const model::Mesh& mesh) { return ids_of(mesh.clusters); }
Ids listener_ids(const model::Mesh& mesh) { return ids_of(mesh.listeners); }

void compile_balancing(const model::Mesh& mesh, Tables& tables) {
    const Ids clusters = cluster_ids(mesh);
    const Ids listeners = listener_ids(mesh);
    for (const auto& cluster : mesh.clusters) compile_cluster(cluster, clusters.of(cluster.name), tables);
    const bool refuse_empty = mesh.policy.empty_cluster == model::EmptyCluster::kRefuse;
    const auto empty = refuse_empty ? empty_clusters(mesh) : std::unordered_set<std::string>{};
    for (const auto& listener : mesh.listeners) {
        shunt_listener_key key{};
        if (!listener.address.is_unspecified()) key.addr = listener.address.to_abi();
        key.port_be = htons(listener.port);
        auto compiled = compile_listener(listener, listeners.of(listener.name), clusters, tables);
        if (!listener.direct && empty.contains(listener.cluster)) compiled.flags |= SHUNT_LISTENER_EMPTY;
        tables.listeners[key] = compiled;
    }
}

}  // namespace shunt::policy
