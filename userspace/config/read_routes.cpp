// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

void read_cluster_choice(Problems& problems, const MapReader& map, model::VirtualHost& host) {
    const auto weighted = map.get("weightedClusters");
    const auto single = map.get("cluster");
    if (map.ok() && !weighted && !single)
        problems.error(map.place(), "neither cluster nor weightedClusters; expected exactly one of them");
    if (weighted && single)
        problems.error(single->place(),
                       "besides weightedClusters; expected exactly one of cluster and weightedClusters");
    if (weighted) host.weighted_clusters = read_weighted_clusters(problems, *weighted, map.get("totalWeight"));
    if (const auto total = map.get("totalWeight"); total && !weighted)
        problems.error(total->place(), "totalWeight without weightedClusters; expected both or neither");
    if (!single) return;
    if (auto name = read_name(problems, *single, "the name of a cluster"))
        host.weighted_clusters.push_back({std::move(*name), 100, single->place()});
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return text;
}

// `domains` is of the whole route: Envoy refuses a domain that two of its virtual hosts claim. Case does not matter.
void read_domains(Problems& problems, const MapReader& map, Unique<std::string>& domains, model::VirtualHost& host) {
    const std::string expected = "a list of domains, such as [reviews, \"reviews:9080\", \"*\"]";
    const auto value = map.require("domains", expected);
    if (!value) return;
    const auto items = read_list(problems, *value, expected);
    if (value->node->kind == Node::Kind::kList && items.empty())
        problems.error(value->place(), "an empty list; expected at least one domain");
    for (const auto& item : items) {
        auto domain = read_name(problems, item, "a domain, such as reviews or \"*\"");
        if (!domain) continue;
        domains.add(lower(*domain), item.place(), "domain " + *domain);
        host.domains.push_back(std::move(*domain));
    }
}

void read_virtual_host(Problems& problems, const Value& value, Unique<std::string>& names, Unique<std::string>& domains,
                       model::VirtualHost& host) {
    const MapReader map(problems, value, {"name", "domains", "cluster", "weightedClusters", "totalWeight"});
    host.place = value.place();
    if (const auto name = map.require("name", "the name of the virtual host")) {
        host.name = read_name(problems, *name, "the name of the virtual host").value_or("");
        if (!host.name.empty()) names.add(host.name, name->place(), "the name " + host.name);
    }
    read_domains(problems, map, domains, host);
    read_cluster_choice(problems, map, host);
}

}  // namespace

void read_routes(Problems& problems, const Value& value, std::vector<model::Route>& routes) {
    Unique<std::string> names(problems);
    for (const auto& item : read_list(problems, value, "a list of routes")) {
        const MapReader map(problems, item, {"name", "virtualHosts"});
        model::Route route;
        route.place = item.place();
        if (const auto name = map.require("name", "the name of the route")) {
            route.name = read_name(problems, *name, "the name of the route").value_or("");
            if (!route.name.empty()) names.add(route.name, name->place(), "the name " + route.name);
        }
        Unique<std::string> hosts(problems);
        Unique<std::string> domains(problems);
        if (const auto list = map.get("virtualHosts")) {
            for (const auto& host : read_list(problems, *list, "a list of virtual hosts")) {
                read_virtual_host(problems, host, hosts, domains, route.virtual_hosts.emplace_back());
            }
        }
        routes.push_back(std::move(route));
    }
}

}  // namespace shunt::config
