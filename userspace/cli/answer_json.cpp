// SPDX-License-Identifier: Apache-2.0
#include "cli/answer_json.h"

#include <algorithm>

#include "base/names.h"

namespace shunt::cli {
namespace {

Json cluster(const std::string& name, std::uint32_t weight) { return {{"name", name}, {"weight", weight}}; }

Json clusters_of(const std::vector<model::VirtualHost>& hosts) {
    Json list = Json::array();
    for (const auto& host : hosts)
        for (const auto& item : host.weighted_clusters) {
            list.push_back(cluster(item.name, item.weight));
            list.back()["virtualHost"] = host.name;
        }
    return list;
}

// The virtual hosts that can answer for a destination: the one whose domains name it, as a VIP with or without port.
// Where none does, the proxy will choose by the Host header that no connect() knows, so all of the route are named.
std::vector<model::VirtualHost> virtual_hosts(const model::Route& route, const base::SocketAddress& destination) {
    for (const std::string& wanted : {base::to_string(destination), base::to_string(destination.address)})
        for (const auto& host : route.virtual_hosts)
            if (std::find(host.domains.begin(), host.domains.end(), wanted) != host.domains.end()) return {host};
    return route.virtual_hosts;
}

// What receives a connection that no listener claims: PassthroughCluster or BlackHoleCluster, by the names they have.
std::string catch_all(const model::Mesh& mesh, const model::Settings& settings) {
    const bool pass = settings.policy.mode == model::PolicyMode::kAllowAny;
    for (const auto& item : mesh.clusters) {
        const bool black_hole = item.type == model::ClusterType::kStatic && item.endpoints.empty();
        if (pass ? item.type == model::ClusterType::kOriginalDst : black_hole) return item.name;
    }
    return pass ? "PassthroughCluster" : "BlackHoleCluster";
}

void put_listener(Json& out, const model::Listener& listener, const policy::Flow& flow, const model::Mesh& mesh) {
    out["listener"] = listener.name;
    if (!listener.cluster.empty()) {
        out["clusters"] = Json::array({cluster(listener.cluster, 100)});
        return;
    }
    if (!listener.weighted_clusters.empty()) {
        for (const auto& share : listener.weighted_clusters)
            out["clusters"].push_back(cluster(share.name, share.weight));
        return;
    }
    out["route"] = listener.route_config_name;
    const auto route = std::find_if(mesh.routes.begin(), mesh.routes.end(),
                                    [&](const auto& r) { return r.name == listener.route_config_name; });
    if (route != mesh.routes.end()) out["clusters"] = clusters_of(virtual_hosts(*route, flow.destination));
}

}  // namespace

Json describe(const policy::Flow& flow, const policy::Answer& answer, const model::Mesh& mesh) {
    const auto* scope = flow.scope ? &mesh.scopes.at(*flow.scope) : nullptr;
    const auto settings = model::settings_of(mesh, scope);
    const bool redirected = answer.verdict == SHUNT_VERDICT_REDIRECT;
    Json out;
    out["dst"] = base::to_string(flow.destination);
    out["verdict"] = base::name(answer.verdict);
    out["reason"] = base::name(answer.reason);
    out["rule"] = {{"path", answer.rule.path}, {"line", answer.rule.line}};
    out["lane"] = redirected ? Json(base::name(answer.lane)) : Json(nullptr);
    out["to"] = answer.to ? Json(base::to_string(*answer.to)) : Json(nullptr);
    if (!mesh.scopes.empty()) out["scope"] = scope != nullptr ? Json(scope->name) : Json(nullptr);
    out["listener"] = nullptr;
    out["route"] = nullptr;
    out["clusters"] = Json::array();
    if (answer.listener) {
        put_listener(out, settings.listeners[*answer.listener], flow, mesh);
    } else if (answer.listener_id) {
        out["listenerId"] = *answer.listener_id;  // from the kernel's tables, which hold no names
    } else if (!mesh.file.empty() &&
               (answer.reason == SHUNT_REASON_UNMATCHED || answer.reason == SHUNT_REASON_PASSTHROUGH_CLUSTER ||
                answer.reason == SHUNT_REASON_BLACK_HOLE_CLUSTER)) {
        out["clusters"] = Json::array({cluster(catch_all(mesh, settings), 100)});
    }
    return out;
}

Json describe_for_table(const Json& description, const std::string& file) {
    Json out = description;
    const std::string path = description["rule"]["path"];
    const int line = description["rule"]["line"];
    if (path.empty())
        out["rule"] = nullptr;
    else if (file.empty())
        out["rule"] = path;  // from the kernel's tables, which hold no lines
    else
        out["rule"] = path + (line > 0 ? " (" + file + ":" + std::to_string(line) + ")" : " (default)");
    return out;
}

}  // namespace shunt::cli
