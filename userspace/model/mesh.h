// SPDX-License-Identifier: Apache-2.0
// The configuration as plain values, in the words of Envoy and Istio. Knows neither YAML nor the kernel.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/net.h"

namespace shunt::model {

// Where a value was written; line and column count from 1, 0 = not written (a default).
struct Place {
    int line = 0;
    int column = 0;
    std::string path;  // capture.excludeOutboundPorts[1]
};

// A value with its place, where errors and explain need one.
template <class T>
struct Placed {
    T value{};
    Place place;
};

enum class WhenDown { kRefuse, kBypass };
enum class LaneMode { kAuto, kRecord };
enum class Ipv6Mode { kAuto, kCapture, kBypass, kRefuse };
enum class PolicyMode { kAllowAny, kRegistryOnly };
enum class EnforcedBy { kProxy, kKernel };
enum class EmptyCluster { kProxy, kRefuse };
enum class OnInternalError { kRefuse, kBypass };

struct Identity {
    std::optional<Placed<std::string>> cgroup;  // below the cgroup2 mount ("/mesh/proxy"), or absolute
    std::optional<Placed<std::uint32_t>> mark;  // SO_MARK, never 0
    std::vector<Placed<std::uint32_t>> uids;
    std::vector<Placed<std::uint32_t>> gids;
};

struct Proxy {
    std::optional<Placed<base::SocketAddress>> listen_v4;  // at least one of the two
    std::optional<Placed<base::SocketAddress>> listen_v6;
    Identity identity;
    WhenDown when_down = WhenDown::kRefuse;
    bool bind_guard = true;
    LaneMode lane = LaneMode::kAuto;
};

// "*" is `all`; a list may hold both "*" and ranges.
struct RangeList {
    bool all = false;
    Place all_place;
    std::vector<Placed<base::Cidr>> ranges;
};

struct OwnerList {
    bool all = false;
    std::vector<Placed<std::uint32_t>> gids;
};

struct Capture {
    std::vector<Placed<std::string>> cgroups;  // never empty
    RangeList include_ranges;                  // default: all
    RangeList exclude_ranges;                  // `all` excludes everything
    std::vector<Placed<base::PortRange>> include_ports;
    std::vector<Placed<base::PortRange>> exclude_ports;
    OwnerList include_owner_groups;  // default: all
    std::vector<Placed<std::uint32_t>> exclude_owner_groups;
    Placed<base::Cidr> loopback_v4;  // outboundIPv4LoopbackCIDR, default 127.0.0.1/32
    Ipv6Mode ipv6 = Ipv6Mode::kAuto;
    std::optional<Placed<base::Address>> client_address_v4;
    std::optional<Placed<base::Address>> client_address_v6;
};

struct OutboundTrafficPolicy {
    PolicyMode mode = PolicyMode::kAllowAny;
    EnforcedBy enforced_by = EnforcedBy::kProxy;
    // A listener whose one cluster has no healthy endpoint: the proxy answers, or connect() fails in the kernel.
    EmptyCluster empty_cluster = EmptyCluster::kProxy;
    Place place;
};

struct WeightedCluster {
    std::string name;
    std::uint32_t weight = 0;
    Place place;
};

struct Listener {
    std::string name;
    base::Address address;  // unspecified: matches any destination address
    std::uint16_t port = 0;
    std::string route_config_name;  // exactly one of these three
    std::string cluster;
    std::vector<WeightedCluster> weighted_clusters;
    bool direct = false;  // balance in the kernel, plain TCP; never with route_config_name
    Place place;
};

struct VirtualHost {
    std::string name;
    std::vector<std::string> domains;
    std::vector<WeightedCluster> weighted_clusters;  // one entry of weight 100 for `cluster: NAME`
    Place place;
};

struct Route {
    std::string name;
    std::vector<VirtualHost> virtual_hosts;
    Place place;
};

enum class ClusterType { kEds, kStatic, kStrictDns, kOriginalDst };
enum class Health { kHealthy, kUnhealthy, kDraining };

struct Endpoint {
    base::SocketAddress address;
    std::uint32_t weight = 1;
    Health health = Health::kHealthy;
    Place place;
};

struct Cluster {
    std::string name;
    ClusterType type = ClusterType::kEds;
    std::vector<Endpoint> endpoints;
    Place place;
};

// Where the controller publishes metrics: exactly one of the two.
struct MetricsListener {
    std::string path;  // of a socket
    std::optional<base::SocketAddress> address;
    bool operator==(const MetricsListener&) const = default;
};

// Some cgroups with settings of their own. A section that is not given is the one of the whole configuration; one that
// is given stands alone, nothing is merged into it. Of scopes that hold each other the deepest counts.
struct Scope {
    std::string name;                          // unique; the first cgroup where none is given
    std::vector<Placed<std::string>> cgroups;  // never empty
    std::optional<Proxy> proxy;
    std::optional<Capture> capture;  // its cgroups are empty
    std::optional<OutboundTrafficPolicy> policy;
    std::optional<OnInternalError> on_internal_error;
    std::optional<std::vector<Listener>> listeners;
    // Sidecar-style: only listeners for these hosts are seen; each is NAMESPACE/HOST, both may be "*". Unset: all.
    std::optional<std::vector<Placed<std::string>>> egress_hosts;
    Place place;
};

// Envoy's admin port, whose config_dump gives listeners, routes, clusters and the mode of the policy.
struct EnvoySource {
    std::string admin;  // http://127.0.0.1:15000
    std::chrono::milliseconds interval{5000};
};

struct Mesh {
    std::string file;  // where it was read from, for messages
    Proxy proxy;
    Capture capture;
    OutboundTrafficPolicy policy;
    OnInternalError on_internal_error = OnInternalError::kRefuse;
    std::vector<Listener> listeners;
    std::vector<Route> routes;
    std::vector<Cluster> clusters;
    std::optional<MetricsListener> metrics;
    std::vector<Scope> scopes;
    bool watch = false;  // follow `file`
    std::optional<EnvoySource> source;
};

// What governs the sockets of one scope, or, without a scope, of everybody else.
struct Settings {
    const Proxy& proxy;
    const Capture& capture;
    const OutboundTrafficPolicy& policy;
    OnInternalError on_internal_error;
    const std::vector<Listener>& listeners;
    const std::vector<Placed<std::string>>* egress_hosts;  // null: all
};

inline Settings settings_of(const Mesh& mesh, const Scope* scope) {
    if (scope == nullptr)
        return {mesh.proxy, mesh.capture, mesh.policy, mesh.on_internal_error, mesh.listeners, nullptr};
    return {scope->proxy ? *scope->proxy : mesh.proxy,
            scope->capture ? *scope->capture : mesh.capture,
            scope->policy ? *scope->policy : mesh.policy,
            scope->on_internal_error.value_or(mesh.on_internal_error),
            scope->listeners ? *scope->listeners : mesh.listeners,
            scope->egress_hosts ? &*scope->egress_hosts : nullptr};
}

}  // namespace shunt::model
