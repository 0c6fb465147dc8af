// SPDX-License-Identifier: Apache-2.0
// The configuration as plain values, in the words of Envoy and Istio. Knows neither YAML nor the kernel.
#pragma once

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
};

}  // namespace shunt::model
