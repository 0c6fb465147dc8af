// SPDX-License-Identifier: Apache-2.0
#include "policy/balancing.h"

#include <arpa/inet.h>

#include <algorithm>
#include <numeric>

#include "policy/egress.h"

namespace shunt::policy {
namespace {

std::uint32_t hash(const std::string& name) {
    std::uint32_t h = 0x811c9dc5u;  // FNV-1a
    for (const unsigned char c : name) h = (h ^ c) * 0x01000193u;
    return h;
}

// Clusters whose numbers begin with the same bits lie in one block of the tables: where they are does not depend on
// what other clusters there are, and a change to one of them makes that block anew.
constexpr unsigned kBlockBits = 10;
// In the order of the tables, which is that of the bytes.
std::uint32_t ordered(std::uint32_t id) { return ntohl(id); }
std::uint32_t block_of(std::uint32_t id) { return ordered(id) >> (32 - kBlockBits); }

// The entries of the clusters of one block.
struct ClusterBlock {
    EndpointTable::Entries endpoints;
    ClusterTable::Entries clusters;
};

// Healthy endpoints only: UNHEALTHY and DRAINING ones get no new connections. Returns whether others were left over, of
// the other family.
bool compile_cluster(const model::Cluster& cluster, std::uint32_t id, std::uint32_t family, ClusterBlock& block) {
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
        block.endpoints.emplace_back(
            shunt_endpoint_key{id, family, size.endpoints++},
            shunt_endpoint{size.total_weight, address.to_abi(), htons(endpoint.address.port), 0});
    }
    if (size.endpoints == 0) return others;
    block.clusters.emplace_back(shunt_cluster_key{id, family}, size);
    // Numbers of one byte are in order as they come.
    if (size.endpoints > 256)
        std::sort(block.endpoints.end() - size.endpoints, block.endpoints.end(),
                  [](const auto& a, const auto& b) { return compare_bytes(a.first, b.first) < 0; });
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

// Calls visit(scope, listener); the scope is null for those of the whole configuration.
template <class Visit>
void for_each_listener(const model::Mesh& mesh, Visit visit) {
    for (const auto& listener : mesh.listeners) visit(static_cast<const model::Scope*>(nullptr), listener);
    for (const auto& scope : mesh.scopes)
        if (scope.listeners)
            for (const auto& listener : *scope.listeners) visit(&scope, listener);
}

bool is_named(const std::string& name, const model::Scope* scope, const model::Listener& listener) {
    return scope == nullptr ? name == listener.name : name == listener_name(scope, listener);
}

}  // namespace

Ids::Ids(const std::vector<std::string>& names) {
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    std::unordered_set<std::uint32_t> taken;
    taken.reserve(sorted.size());
    ids_.reserve(sorted.size());
    for (auto& name : sorted) {
        std::uint32_t id = hash(name);
        while (id == 0 || taken.contains(id)) ++id;
        taken.insert(id);
        ids_.emplace(std::move(name), id);
    }
    in_order_.reserve(names.size());
    for (const auto& name : names) in_order_.push_back(&*ids_.find(name));
}

std::uint32_t Ids::of(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? 0 : found->second;
}

Ids cluster_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    names.reserve(mesh.clusters.size());
    for (const auto& cluster : mesh.clusters) names.push_back(cluster.name);
    return Ids(names);
}

std::string listener_name(const model::Scope* scope, const model::Listener& listener) {
    // No configured name has a line break.
    return scope == nullptr ? listener.name : scope->name + "\n" + listener.name;
}

Ids listener_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    for_each_listener(mesh, [&](auto... listener) { names.push_back(listener_name(listener...)); });
    return Ids(names);
}

Ids scope_ids(const model::Mesh& mesh) {
    std::vector<std::string> names;
    for (const auto& scope : mesh.scopes) names.push_back(scope.name);
    return Ids(names);
}

void Numbers::follow(const model::Mesh& mesh) {
    const auto named_as_before = [&] {
        if (mesh.clusters.size() != clusters.size()) return false;
        for (std::size_t i = 0; i < clusters.size(); ++i)
            if (mesh.clusters[i].name != clusters.name(i)) return false;
        return true;
    };
    if (!named_as_before()) {
        clusters = cluster_ids(mesh);
        by_id.resize(clusters.size());
        std::iota(by_id.begin(), by_id.end(), 0u);
        std::sort(by_id.begin(), by_id.end(),
                  [&](auto a, auto b) { return ordered(clusters.at(a)) < ordered(clusters.at(b)); });
    }
    std::size_t place = 0;
    bool same = true;
    for_each_listener(mesh, [&](const model::Scope* scope, const model::Listener& listener) {
        same = same && place < listeners.size() && is_named(listeners.name(place), scope, listener);
        ++place;
    });
    if (!same || place != listeners.size()) listeners = listener_ids(mesh);
}

void compile_clusters(const model::Mesh& mesh, const Numbers& numbers, const Tables& earlier, Tables& tables) {
    ClusterBlock block;
    const auto close = [&] {
        tables.endpoints.append_block(block.endpoints, earlier.endpoints);
        tables.clusters.append_block(block.clusters, earlier.clusters);
        block.endpoints.clear();
        block.clusters.clear();
    };
    std::uint32_t open = 0;
    for (const auto place : numbers.by_id) {
        const auto id = numbers.clusters.at(place);
        if (block_of(id) != open) close();
        open = block_of(id);
        const auto& cluster = mesh.clusters[place];
        if (compile_cluster(cluster, id, 4, block)) compile_cluster(cluster, id, 6, block);
    }
    close();
}

ListenerContext::ListenerContext(const model::Mesh& whole, const Numbers& numbers)
    : mesh(whole), clusters(numbers.clusters), listeners(numbers.listeners), empty(refused_clusters(whole)) {}

ListenerTable compile_listeners(const ListenerContext& context, const model::Scope* scope, SplitTable& splits) {
    ListenerTable table;
    const auto settings = model::settings_of(context.mesh, scope);
    const auto* owner = scope != nullptr && scope->listeners ? scope : nullptr;
    const bool refuse_empty = settings.policy.empty_cluster == model::EmptyCluster::kRefuse;
    const Egress egress(context.mesh, settings.egress_hosts);
    for (std::size_t place = 0; place < settings.listeners.size(); ++place) {
        const auto& listener = settings.listeners[place];
        if (!egress.sees(listener)) continue;
        shunt_listener_key key{};
        if (!listener.address.is_unspecified()) key.addr = listener.address.to_abi();
        key.port_be = htons(listener.port);
        // Those of the whole configuration come first; looking each name up would be half of what is done here.
        const auto id =
            owner == nullptr ? context.listeners.at(place) : context.listeners.of(listener_name(owner, listener));
        auto compiled = compile_listener(listener, id, context.clusters, splits);
        if (!listener.direct && refuse_empty && context.empty.contains(listener.cluster))
            compiled.flags |= SHUNT_LISTENER_EMPTY;
        table.append(key, compiled);
    }
    table.finish();
    return table;
}

}  // namespace shunt::policy
