// SPDX-License-Identifier: Apache-2.0
// The keys of each section, once: for the readers, and to tell where a key belongs that stands in the wrong section.
#pragma once

#include <array>
#include <string_view>

namespace shunt::config {

inline constexpr std::array<std::string_view, 11> kRootKeys{"proxy",           "capture",   "outboundTrafficPolicy",
                                                            "onInternalError", "listeners", "routes",
                                                            "clusters",        "metrics",   "scopes",
                                                            "watch",           "source"};
inline constexpr std::array<std::string_view, 5> kProxyKeys{"listen", "identity", "whenDown", "lane", "bindGuard"};
inline constexpr std::array<std::string_view, 4> kIdentityKeys{"cgroup", "mark", "uids", "gids"};
// `cgroups` comes first: scopes have the others only.
inline constexpr std::array<std::string_view, 10> kCaptureKeys{"cgroups",
                                                               "includeOutboundIPRanges",
                                                               "excludeOutboundIPRanges",
                                                               "includeOutboundPorts",
                                                               "excludeOutboundPorts",
                                                               "includeOutboundOwnerGroups",
                                                               "excludeOutboundOwnerGroups",
                                                               "outboundIPv4LoopbackCIDR",
                                                               "ipv6",
                                                               "clientAddress"};
inline constexpr std::array<std::string_view, 3> kPolicyKeys{"mode", "enforcedBy", "emptyCluster"};
inline constexpr std::array<std::string_view, 2> kMetricsKeys{"listen", "beyondLoopback"};

inline constexpr std::array<std::string_view, 1> kSourceKeys{"envoy"};
inline constexpr std::array<std::string_view, 2> kEnvoyKeys{"admin", "interval"};

inline constexpr std::array<std::string_view, 8> kScopeKeys{
    "name", "cgroups", "proxy", "capture", "outboundTrafficPolicy", "onInternalError", "listeners", "egress"};

}  // namespace shunt::config
