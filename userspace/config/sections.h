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
// Where a capture section stands: a scope names its cgroups itself, and where there are scopes the whole configuration
// need not name any.
enum class CaptureOf { kConfiguration, kConfigurationWithScopes, kScope };
void set_capture_defaults(model::Capture& capture, const std::string& path);
void read_cgroups(Problems& problems, const Value& value, std::vector<model::Placed<std::string>>& out);
void read_capture(Problems& problems, const Value& value, model::Capture& capture, Notes& notes, CaptureOf of);
void read_policy(Problems& problems, const Value& value, model::OutboundTrafficPolicy& policy);
void read_listeners(Problems& problems, const Value& value, std::vector<model::Listener>& listeners, Notes& notes);
void read_routes(Problems& problems, const Value& value, std::vector<model::Route>& routes);
void read_clusters(Problems& problems, const Value& value, std::vector<model::Cluster>& clusters);
void read_metrics(Problems& problems, const Value& value, std::optional<model::MetricsListener>& metrics);
void read_follow(Problems& problems, const MapReader& root, model::Mesh& mesh);  // watch and source

void check_ranges(Problems& problems, const model::Capture& capture, const Notes& notes);
void check_ports(Problems& problems, const model::Capture& capture);
// judge_capture: the capture section is the scope's own. `place` is where the scope itself is written.
void check_scope(Problems& problems, const model::Settings& settings,
                 const std::vector<model::Placed<std::string>>& cgroups, const Notes& notes, bool judge_capture,
                 const model::Place& place);
void check_cgroups(Problems& problems, const model::Capture& capture);
// One list of listeners, its own notes, and those of the routes and clusters that it names.
void check_references(Problems& problems, const model::Mesh& mesh, const std::vector<model::Listener>& listeners,
                      const Notes& notes);
void check_routes(Problems& problems, const model::Mesh& mesh, const Notes& notes);
void check_policy(Problems& problems, const model::Mesh& mesh);  // of all scopes, once they are read

// After everything else was read, because a scope inherits what it does not say.
void read_scopes(Problems& problems, const Value& value, model::Mesh& mesh, const Notes& notes);
void read_on_internal_error(Problems& problems, const std::optional<Value>& value, model::OnInternalError& out);

}  // namespace shunt::config
