// SPDX-License-Identifier: Apache-2.0
// Istio's names of clusters: outbound|9080|v1|reviews.default.svc.cluster.local
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shunt::base {

// Views into the name that was given.
struct ClusterName {
    std::string_view direction;  // "outbound" or "inbound"
    std::uint16_t port = 0;      // host order
    std::string_view subset;     // "v1"; empty: none
    std::string_view fqdn;       // empty for "inbound|9080||"
};

// Nothing for names of another form (PassthroughCluster, xds-grpc).
std::optional<ClusterName> split_cluster_name(std::string_view name);

}  // namespace shunt::base
