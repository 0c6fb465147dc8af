// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "base/cluster_name.h"
#include "importer/envoy_parts.h"

namespace shunt::importer {
namespace {

void add_weight(std::vector<model::WeightedCluster>& list, std::string name, std::uint64_t weight) {
    if (name.empty() || weight == 0) return;
    const auto same = std::find_if(list.begin(), list.end(), [&](const auto& other) { return other.name == name; });
    if (same != list.end())
        same->weight = static_cast<std::uint32_t>(std::min<std::uint64_t>(same->weight + weight, 0xffffffff));
    else
        list.push_back({std::move(name), static_cast<std::uint32_t>(weight), {}});
}

bool takes_everything(const EnvoyJson& route, Fields& fields) {
    const auto* match = fields.object(route, "match");
    return match && fields.text(*match, "prefix") == "/" && fields.list(*match, "headers").empty() &&
           fields.list(*match, "query_parameters").empty();
}

// The clusters of the route that takes every request; without one, of the first that leads to a cluster.
std::vector<model::WeightedCluster> clusters_of_host(const EnvoyJson& host, Fields& fields, RemarkBook& remarks) {
    std::vector<model::WeightedCluster> chosen;
    const auto& routes = fields.list(host, "routes");
    for (const auto& route : routes) {
        const auto* action = fields.object(route, "route");
        auto clusters = action ? clusters_of(*action, fields) : std::vector<model::WeightedCluster>{};
        if (action && clusters.empty())
            remarks.add(true, "a route that names its cluster by a header or a plugin: not shown here",
                        fields.name(host, "name"));
        const bool all = takes_everything(route, fields);
        if (!clusters.empty() && (chosen.empty() || all)) chosen = std::move(clusters);
        if (all) break;  // Envoy takes the first that matches
    }
    if (routes.size() > 1)
        remarks.add(false, "several routes for parts of its requests: shown is the one that takes all others",
                    fields.name(host, "name"));
    return chosen;
}

}  // namespace

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

bool is_inbound(const std::string& name) {
    const auto parts = base::split_cluster_name(name);
    return parts && parts->direction == "inbound";
}

std::vector<model::WeightedCluster> clusters_of(const EnvoyJson& value, Fields& fields) {
    std::vector<model::WeightedCluster> list;
    if (const auto* weighted = fields.object(value, "weighted_clusters")) {
        for (const auto& item : fields.list(*weighted, "clusters"))
            add_weight(list, fields.name(item, "name"), fields.number(item, "weight", 0, 0xffffffff));
        std::uint64_t total = 0;
        for (const auto& cluster : list) total += cluster.weight;
        if (total > 0xffffffff) fields.wrong("weighted_clusters", "weights of more than 4294967295 together");
    } else {
        add_weight(list, fields.name(value, "cluster"), 100);
    }
    return list;
}

model::Route route_of(const EnvoyJson& value, Fields& fields, RemarkBook& remarks) {
    model::Route route;
    route.name = fields.name(value, "name");
    std::unordered_set<std::string> names, domains;
    for (const auto& item : fields.list(value, "virtual_hosts")) {
        model::VirtualHost host;
        host.name = fields.name(item, "name");
        if (!item.is_object()) fields.wrong("virtual_hosts", "no object; expected a virtual host");
        for (const auto& domain : fields.list(item, "domains")) {
            const EnvoyJson holder{{"domains", domain}};
            auto text = fields.name(holder, "domains");
            if (!text.empty() && domains.insert(lower(text)).second) host.domains.push_back(std::move(text));
        }
        host.weighted_clusters = clusters_of_host(item, fields, remarks);
        if (host.weighted_clusters.empty())
            remarks.add(false, "a virtual host that answers by itself: it leads to no cluster, and is left out",
                        host.name);
        else if (!host.name.empty() && !host.domains.empty() && names.insert(host.name).second)
            route.virtual_hosts.push_back(std::move(host));
    }
    return route;
}

std::string read_route(Entry&& entry, EnvoyParts& parts) {
    Fields fields(entry.place);
    if (const auto* value = fields.object(entry.value, "route_config")) {
        auto route = route_of(*value, fields, parts.remarks);
        if (!route.name.empty() && !is_inbound(route.name)) parts.config.routes.push_back(std::move(route));
    }
    return fields.error();
}

}  // namespace shunt::importer
