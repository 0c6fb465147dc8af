// SPDX-License-Identifier: Apache-2.0
// Listeners, routes, clusters and endpoints as lines of `shunt pc`, from a configuration or from the kernel's tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inspect/names.h"
#include "model/mesh.h"
#include "policy/tables.h"

namespace shunt::inspect {

struct Share {
    std::string cluster;
    std::uint32_t weight = 0;
    double percent = 0;  // 0 - 100
};

std::vector<Share> shares_of(const std::vector<model::WeightedCluster>& clusters);

struct ListenerRow {
    std::string scope;     // empty: the base scope
    std::uint32_t id = 0;  // its number in the kernel's tables; 0 in rows of a configuration, and where unmatched
    std::string name;
    std::string address;  // 0.0.0.0: any
    std::uint16_t port = 0;
    std::string route;                  // empty where it has none, and in the kernel's tables, which hold none
    std::vector<Share> clusters;        // empty where the tables do not say (a listener that only redirects)
    bool unmatched = false;             // virtualOutbound: what no listener claims
    std::string kernel;                 // what the kernel does: redirect, balance, bypass or refuse
    std::optional<std::uint64_t> hits;  // connects it claimed; unset in rows of a configuration, and where unmatched
};

struct RouteRow {
    std::string name;
    std::vector<std::string> domains;
    std::string virtual_host;
    std::vector<Share> clusters;
};

struct ClusterRow {
    std::string name;
    // Of the name, where it has Istio's form; otherwise fqdn is the name, and the rest is empty.
    std::string direction, subset, fqdn;
    std::uint16_t port = 0;
    std::string type;  // EDS ...; empty: the kernel's tables do not say
    std::size_t endpoints = 0;
    std::size_t healthy = 0;
    std::optional<std::uint64_t> hits;  // connects the kernel sent to one of its endpoints
};

struct EndpointRow {
    base::SocketAddress address;
    std::string status;  // HEALTHY, UNHEALTHY, DRAINING
    std::uint32_t weight = 0;
    std::string cluster;
};

// Sorted as istioctl does: listeners by port, endpoints by address, the others by name.
struct Rows {
    std::vector<ListenerRow> listeners;
    std::vector<RouteRow> routes;
    std::vector<ClusterRow> clusters;
    std::vector<EndpointRow> endpoints;
};

std::string_view to_string(model::ClusterType type);
std::string_view to_string(model::Health health);

// A name that is its own description: everything but its number of endpoints.
ClusterRow cluster_row(const std::string& name);

Rows rows_of(const model::Mesh& mesh);
// No routes: those are the proxy's alone. Endpoints and clusters are those that the kernel balances over.
Rows rows_of(const policy::Tables& tables, const Names& names);

// Listeners of a configuration and of tables alike; what the tables do not say is taken from `names` if asked.
std::vector<ListenerRow> listener_rows(const policy::Tables& tables, const Names& names, bool from_configuration);
void sort_rows(Rows& rows);

}  // namespace shunt::inspect
