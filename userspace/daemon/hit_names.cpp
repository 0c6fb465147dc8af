// SPDX-License-Identifier: Apache-2.0
#include "daemon/hit_names.h"

#include <arpa/inet.h>

#include "base/net.h"
#include "policy/balancing.h"

namespace shunt::daemon {

HitNames::HitNames(const model::Mesh& mesh) {
    const auto listeners = policy::listener_ids(mesh);
    const auto add = [&](const model::Scope* scope, const std::vector<model::Listener>& list) {
        for (const auto& listener : list)
            listeners_.emplace(listeners.of(policy::listener_name(scope, listener)), listener.name);
    };
    add(nullptr, mesh.listeners);
    for (const auto& scope : mesh.scopes)
        if (scope.listeners) add(&scope, *scope.listeners);
    const auto clusters = policy::cluster_ids(mesh);
    for (const auto& cluster : mesh.clusters) clusters_.emplace(clusters.of(cluster.name), cluster.name);
    const auto scopes = policy::scope_ids(mesh);
    for (const auto& scope : mesh.scopes) scopes_.emplace(scopes.of(scope.name), scope.name);
}

void HitNames::write(const telemetry::Hits& hits, telemetry::Metrics& metrics) const {
    metrics.listeners.clear();
    metrics.clusters.clear();
    metrics.listeners_left_out = hits.listeners_left_out;
    metrics.clusters_left_out = hits.clusters_left_out;
    for (const auto& listener : hits.listeners) {
        const auto name = listeners_.find(listener.id);
        const auto scope = scopes_.find(listener.key.set);
        if (name == listeners_.end() || (listener.key.set != 0 && scope == scopes_.end())) {
            ++metrics.listeners_left_out;
            continue;
        }
        const base::SocketAddress address{base::Address::from_abi(listener.key.addr), ntohs(listener.key.port_be)};
        const auto any = "0.0.0.0:" + std::to_string(address.port);
        metrics.listeners.push_back({{{"scope", listener.key.set == 0 ? "" : scope->second},
                                      {"listener", name->second},
                                      {"address", address.address.is_unspecified() ? any : base::to_string(address)}},
                                     listener.hits});
    }
    for (const auto& cluster : hits.clusters) {
        if (const auto name = clusters_.find(cluster.id); name != clusters_.end())
            metrics.clusters.push_back({{{"cluster", name->second}}, cluster.hits});
        else
            ++metrics.clusters_left_out;
    }
}

}  // namespace shunt::daemon
