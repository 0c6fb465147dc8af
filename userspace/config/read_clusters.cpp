// SPDX-License-Identifier: Apache-2.0
#include "config/sections.h"

namespace shunt::config {
namespace {

using model::ClusterType;
using model::Health;

// What the kernel's binary search covers (SHUNT_CHOICE_STEPS).
constexpr std::size_t kMostEndpoints = 1u << 20;

void read_endpoint(Problems& problems, const Value& value, Unique<base::SocketAddress>& addresses,
                   model::Cluster& cluster) {
    const std::string expected = "an endpoint's address:port, such as 10.0.3.40:3306";
    const MapReader map(problems, value, {"address", "weight", "health"});
    model::Endpoint endpoint;
    endpoint.place = value.place();
    if (const auto address = map.require("address", expected)) {
        const auto parsed = read_parsed(problems, *address, expected, base::parse_socket_address);
        if (parsed && check_unicast(problems, address->place(), parsed->address, Unspecified::kRefused)) {
            endpoint.address = *parsed;
            addresses.add(*parsed, address->place(), "endpoint " + base::to_string(*parsed));
        }
    }
    if (const auto weight = map.get("weight"))
        endpoint.weight = read_number(problems, *weight, 1, 0xffffffff, "a weight, 1-4294967295").value_or(1);
    read_choice<Health>(
        problems, map.get("health"),
        {{"HEALTHY", Health::kHealthy}, {"UNHEALTHY", Health::kUnhealthy}, {"DRAINING", Health::kDraining}},
        endpoint.health);
    cluster.endpoints.push_back(std::move(endpoint));
}

void read_cluster(Problems& problems, const Value& value, Unique<std::string>& names, model::Cluster& cluster) {
    const MapReader map(problems, value, {"name", "type", "endpoints"});
    cluster.place = value.place();
    if (const auto name = map.require("name", "the name of the cluster")) {
        cluster.name = read_name(problems, *name, "the name of the cluster").value_or("");
        if (!cluster.name.empty()) names.add(cluster.name, name->place(), "the name " + cluster.name);
    }
    read_choice<ClusterType>(problems, map.get("type"),
                             {{"EDS", ClusterType::kEds},
                              {"STATIC", ClusterType::kStatic},
                              {"STRICT_DNS", ClusterType::kStrictDns},
                              {"ORIGINAL_DST", ClusterType::kOriginalDst}},
                             cluster.type);
    const auto endpoints = map.get("endpoints");
    if (!endpoints) return;
    Unique<base::SocketAddress> addresses(problems);
    for (const auto& item : read_list(problems, *endpoints, "a list of endpoints"))
        read_endpoint(problems, item, addresses, cluster);
    std::uint64_t sum = 0;
    for (const auto& endpoint : cluster.endpoints) sum += endpoint.weight;
    if (sum > 0xffffffff)
        problems.error(endpoints->place(),
                       "the weights add up to " + std::to_string(sum) + "; expected at most 4294967295");
    if (cluster.endpoints.size() > kMostEndpoints)
        problems.error(endpoints->place(), std::to_string(cluster.endpoints.size()) +
                                               " endpoints; expected at most 1048576 in one cluster");
    if (cluster.type == ClusterType::kOriginalDst && !cluster.endpoints.empty())
        problems.error(endpoints->place(),
                       "endpoints of an ORIGINAL_DST cluster; expected none, it sends connections on as they are");
}

}  // namespace

void read_clusters(Problems& problems, const Value& value, std::vector<model::Cluster>& clusters) {
    Unique<std::string> names(problems);
    for (const auto& item : read_list(problems, value, "a list of clusters"))
        read_cluster(problems, item, names, clusters.emplace_back());
}

}  // namespace shunt::config
