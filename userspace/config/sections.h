// SPDX-License-Identifier: Apache-2.0
// One function per section of a configuration, and the checks that need more than one value. All of them report into
// `problems` and fill in what could be read.
#pragma once

#include "config/fields.h"
#include "model/mesh.h"

namespace shunt::config {

// What the checks need besides the model.
struct Notes {
    bool listen_readable = true;    // every entry of proxy.listen could be read
    bool clusters_readable = true;  // the lists have the shape of lists: a name that is missing is really missing
    bool routes_readable = true;
    model::Place identity;  // line 0 where it was not written
    model::Place include_ranges;
    model::Place include_ports;
    model::Place include_owner_groups;
    model::Place ipv6;
    std::vector<model::Place> listener_targets;  // routeConfigName, cluster or weightedClusters of each listener
};

// read_common.cpp
std::optional<std::string> read_cgroup(Problems& problems, const Value& value);
enum class Unspecified { kAllowed, kRefused };
// Reports an address that no connection can go to: multicast, broadcast, link-local.
bool check_unicast(Problems& problems, const model::Place& place, const base::Address& address,
                   Unspecified unspecified);
// A name that something else refers to: text of at most 1024 bytes.
std::optional<std::string> read_name(Problems& problems, const Value& value, const std::string& expected);

// read_weights.cpp: {name, weight} items whose weights add up to totalWeight, where that is given.
std::vector<model::WeightedCluster> read_weighted_clusters(Problems& problems, const Value& value,
                                                           const std::optional<Value>& total_weight);

void read_proxy(Problems& problems, const Value& value, model::Proxy& proxy, Notes& notes);
void read_capture(Problems& problems, const Value& value, model::Capture& capture, Notes& notes);
void read_policy(Problems& problems, const Value& value, model::OutboundTrafficPolicy& policy);
void read_listeners(Problems& problems, const Value& value, std::vector<model::Listener>& listeners, Notes& notes);
void read_routes(Problems& problems, const Value& value, std::vector<model::Route>& routes);
void read_clusters(Problems& problems, const Value& value, std::vector<model::Cluster>& clusters);
void read_metrics(Problems& problems, const Value& value, std::optional<model::MetricsListener>& metrics);

void check_ranges(Problems& problems, const model::Capture& capture, const Notes& notes);
void check_ports(Problems& problems, const model::Capture& capture);
void check_scope(Problems& problems, const model::Mesh& mesh, const Notes& notes);
void check_references(Problems& problems, const model::Mesh& mesh, const Notes& notes);

}  // namespace shunt::config
