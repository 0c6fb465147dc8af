// SPDX-License-Identifier: Apache-2.0
#include "cli/answer_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/names.h"
#include "inspect/domains.h"
#include "inspect/rows.h"

namespace shunt::cli {
namespace {

double rounded(double percent) { return std::round(percent * 100) / 100; }

Json endpoints_of(const model::Cluster& cluster) {
    std::uint64_t total = 0;
    for (const auto& endpoint : cluster.endpoints)
        if (endpoint.health == model::Health::kHealthy) total += endpoint.weight;
    Json list = Json::array();
    for (const auto& endpoint : cluster.endpoints) {
        const bool chosen = endpoint.health == model::Health::kHealthy && total > 0;
        list.push_back({{"address", base::to_string(endpoint.address)},
                        {"weight", endpoint.weight},
                        {"percent", chosen ? rounded(100.0 * endpoint.weight / static_cast<double>(total)) : 0.0},
                        {"health", inspect::to_string(endpoint.health)}});
    }
    return list;
}

void add_cluster(Json& list, const inspect::Share& share, const std::string& virtual_host, const model::Mesh& mesh) {
    Json item{{"name", share.cluster}, {"weight", share.weight}, {"percent", rounded(share.percent)}};
    if (!virtual_host.empty()) item["virtualHost"] = virtual_host;
    const auto found = std::find_if(mesh.clusters.begin(), mesh.clusters.end(),
                                    [&](const auto& cluster) { return cluster.name == share.cluster; });
    const bool known = found != mesh.clusters.end();
    item["type"] = known ? Json(inspect::to_string(found->type)) : Json(nullptr);
    item["endpoints"] = known ? endpoints_of(*found) : Json::array();
    list.push_back(std::move(item));
}

// The virtual host that answers: for the Host header where one is given, otherwise the one whose domains name the
// destination, as a VIP with or without port, which is what a client that knows no name sends.
inspect::DomainMatch choose(const model::Route& route, const policy::Flow& flow,
                            const std::optional<std::string>& host) {
    if (host) return inspect::match_domain(route, *host);
    for (const std::string& wanted : {base::to_string(flow.destination), base::to_string(flow.destination.address)})
        for (const auto& candidate : route.virtual_hosts)
            if (std::find(candidate.domains.begin(), candidate.domains.end(), wanted) != candidate.domains.end())
                return {&candidate, wanted};
    return {};
}

void put_route(Json& out, const model::Route& route, const policy::Flow& flow, const std::optional<std::string>& host,
               const model::Mesh& mesh) {
    const auto chosen = choose(route, flow, host);
    const auto add = [&](const model::VirtualHost& virtual_host) {
        for (const auto& share : inspect::shares_of(virtual_host.weighted_clusters))
            add_cluster(out["clusters"], share, virtual_host.name, mesh);
    };
    if (chosen.host != nullptr) {
        out["virtualHost"] = chosen.host->name;
        out["domain"] = chosen.domain;
        add(*chosen.host);
    } else if (!host) {
        // The proxy will choose by a Host header that no connect() knows.
        for (const auto& virtual_host : route.virtual_hosts) add(virtual_host);
    }
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

void put_listener(Json& out, const model::Listener& listener, const policy::Flow& flow,
                  const std::optional<std::string>& host, const model::Mesh& mesh) {
    out["listener"] = listener.name;
    if (!listener.cluster.empty()) {
        add_cluster(out["clusters"], {listener.cluster, 100, 100}, "", mesh);
        return;
    }
    for (const auto& share : inspect::shares_of(listener.weighted_clusters))
        add_cluster(out["clusters"], share, "", mesh);
    if (listener.route_config_name.empty()) return;
    out["route"] = listener.route_config_name;
    const auto route = std::find_if(mesh.routes.begin(), mesh.routes.end(),
                                    [&](const auto& r) { return r.name == listener.route_config_name; });
    if (route != mesh.routes.end()) put_route(out, *route, flow, host, mesh);
}

// The verdict is the kernel's, with the listener where one was looked for; beyond that a redirect leaves all to the
// proxy, and balance nothing.
Json decided_by(const Json& out, const policy::Answer& answer) {
    Json kernel = Json::array({"verdict"});
    Json proxy = Json::array();
    if (answer.listener_id) kernel.push_back("listener");
    Json& rest = answer.verdict == SHUNT_VERDICT_BALANCE ? kernel : proxy;
    const bool goes_on = answer.verdict == SHUNT_VERDICT_BALANCE || answer.verdict == SHUNT_VERDICT_REDIRECT;
    if (goes_on && !out["route"].is_null()) rest.push_back("virtualHost");
    if (goes_on) {
        rest.push_back("cluster");
        rest.push_back("endpoint");
    }
    return {{"kernel", kernel}, {"proxy", proxy}};
}

}  // namespace

Json describe(const policy::Flow& flow, const policy::Answer& answer, const model::Mesh& mesh,
              const std::optional<std::string>& host) {
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
    out["virtualHost"] = nullptr;
    out["domain"] = nullptr;
    out["clusters"] = Json::array();
    if (answer.listener) {
        put_listener(out, settings.listeners[*answer.listener], flow, host, mesh);
    } else if (answer.listener_id) {
        out["listenerId"] = *answer.listener_id;  // from the kernel's tables, which hold no names
    } else if (!mesh.file.empty() &&
               (answer.reason == SHUNT_REASON_UNMATCHED || answer.reason == SHUNT_REASON_PASSTHROUGH_CLUSTER ||
                answer.reason == SHUNT_REASON_BLACK_HOLE_CLUSTER)) {
        add_cluster(out["clusters"], {catch_all(mesh, settings), 100, 100}, "", mesh);
    }
    out["decidedBy"] = decided_by(out, answer);
    return out;
}

void put_kernel_rows(Json& description, const policy::Answer& answer, const inspect::Rows& rows) {
    if (!answer.listener_id) return;
    const auto row = std::find_if(rows.listeners.begin(), rows.listeners.end(), [&](const auto& listener) {
        return !listener.unmatched && listener.id == *answer.listener_id;
    });
    if (row == rows.listeners.end()) return;
    description["listener"] = row->name;
    for (const auto& share : row->clusters) {
        model::Cluster cluster;
        for (const auto& endpoint : rows.endpoints)
            if (endpoint.cluster == share.cluster) cluster.endpoints.push_back({endpoint.address, endpoint.weight});
        description["clusters"].push_back({{"name", share.cluster},
                                           {"weight", share.weight},
                                           {"percent", rounded(share.percent)},
                                           {"type", nullptr},
                                           {"endpoints", endpoints_of(cluster)}});
    }
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
    // A line for each endpoint; a cluster without any has one as well.
    Json lines = Json::array();
    for (const auto& cluster : description["clusters"]) {
        Json entry;
        if (cluster.contains("virtualHost")) entry["virtualHost"] = cluster["virtualHost"];
        entry["cluster"] = cluster["name"];
        entry["share"] = fmt::format("{:g}%", cluster["percent"].get<double>());
        entry["type"] = cluster["type"];
        for (const auto& endpoint : cluster["endpoints"]) {
            Json row = entry;
            row["endpoint"] = endpoint["address"];
            row["endpointShare"] = fmt::format("{:g}%", endpoint["percent"].get<double>());
            row["health"] = endpoint["health"];
            lines.push_back(std::move(row));
        }
        if (cluster["endpoints"].empty()) lines.push_back(std::move(entry));
    }
    out.erase("clusters");
    out.erase("decidedBy");
    out["kernelDecides"] = description["decidedBy"]["kernel"];
    out["proxyDecides"] = description["decidedBy"]["proxy"];
    out["clusters"] = std::move(lines);
    return out;
}

}  // namespace shunt::cli
