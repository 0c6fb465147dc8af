// SPDX-License-Identifier: Apache-2.0
#include "inspect/rows.h"

#include <algorithm>
#include <tuple>

#include "base/cluster_name.h"

namespace shunt::inspect {

std::string_view to_string(model::ClusterType type) {
    switch (type) {
        case model::ClusterType::kEds: return "EDS";
        case model::ClusterType::kStatic: return "STATIC";
        case model::ClusterType::kStrictDns: return "STRICT_DNS";
        case model::ClusterType::kOriginalDst: return "ORIGINAL_DST";
    }
    return "";
}

std::string_view to_string(model::Health health) {
    switch (health) {
        case model::Health::kHealthy: return "HEALTHY";
        case model::Health::kUnhealthy: return "UNHEALTHY";
        case model::Health::kDraining: return "DRAINING";
    }
    return "";
}

std::vector<Share> shares_of(const std::vector<model::WeightedCluster>& clusters) {
    std::uint64_t total = 0;
    for (const auto& cluster : clusters) total += cluster.weight;
    std::vector<Share> shares;
    for (const auto& cluster : clusters) {
        const double percent = total == 0 ? 0 : 100.0 * cluster.weight / static_cast<double>(total);
        shares.push_back({cluster.name, cluster.weight, percent});
    }
    return shares;
}

ClusterRow cluster_row(const std::string& name) {
    ClusterRow row;
    row.name = name;
    row.fqdn = name;
    if (const auto parts = base::split_cluster_name(name)) {
        row.direction = parts->direction;
        row.subset = parts->subset;
        row.port = parts->port;
        row.fqdn = parts->fqdn;
    }
    return row;
}

void sort_rows(Rows& rows) {
    std::sort(rows.listeners.begin(), rows.listeners.end(), [](const auto& a, const auto& b) {
        return std::tie(a.scope, a.port, a.address, a.name) < std::tie(b.scope, b.port, b.address, b.name);
    });
    std::stable_sort(rows.routes.begin(), rows.routes.end(), [](const auto& a, const auto& b) {
        return a.name < b.name;  // virtual hosts in the order in which they are written
    });
    std::sort(rows.clusters.begin(), rows.clusters.end(), [](const auto& a, const auto& b) {
        return std::tie(a.fqdn, a.port, a.subset, a.name) < std::tie(b.fqdn, b.port, b.subset, b.name);
    });
    std::sort(rows.endpoints.begin(), rows.endpoints.end(), [](const auto& a, const auto& b) {
        return std::tie(a.address, a.cluster) < std::tie(b.address, b.cluster);
    });
}

Rows rows_of(const model::Mesh& mesh) {
    Rows rows;
    rows.listeners = listener_rows(policy::compile(mesh, policy::offline(mesh)), Names(mesh), true);
    for (const auto& route : mesh.routes)
        for (const auto& host : route.virtual_hosts)
            rows.routes.push_back({route.name, host.domains, host.name, shares_of(host.weighted_clusters)});
    for (const auto& cluster : mesh.clusters) {
        auto row = cluster_row(cluster.name);
        row.type = to_string(cluster.type);
        row.endpoints = cluster.endpoints.size();
        for (const auto& endpoint : cluster.endpoints) {
            row.healthy += endpoint.health == model::Health::kHealthy;
            rows.endpoints.push_back(
                {endpoint.address, std::string(to_string(endpoint.health)), endpoint.weight, cluster.name});
        }
        rows.clusters.push_back(std::move(row));
    }
    sort_rows(rows);
    return rows;
}

}  // namespace shunt::inspect
