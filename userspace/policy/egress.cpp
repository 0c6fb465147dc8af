// SPDX-License-Identifier: Apache-2.0
#include "policy/egress.h"

#include <algorithm>

namespace shunt::policy {
namespace {

// HOST of outbound|PORT|SUBSET|HOST; any other name stands for itself.
std::string_view host_of(std::string_view cluster) {
    const auto bars = std::count(cluster.begin(), cluster.end(), '|');
    return bars == 3 ? cluster.substr(cluster.rfind('|') + 1) : cluster;
}

std::string_view namespace_of(std::string_view host) {
    const auto first = host.find('.');
    if (first == std::string_view::npos) return {};
    const auto second = host.find('.', first + 1);
    if (second == std::string_view::npos || !host.substr(second + 1).starts_with("svc.")) return {};
    return host.substr(first + 1, second - first - 1);
}

}  // namespace

bool egress_matches(std::string_view pattern, std::string_view host) {
    const auto slash = pattern.find('/');
    const auto space = pattern.substr(0, slash);
    const auto name = slash == std::string_view::npos ? std::string_view("*") : pattern.substr(slash + 1);
    if (space != "*" && space != namespace_of(host)) return false;
    if (name == "*" || name == host) return true;
    return name.starts_with("*.") && host.size() > name.size() - 1 && host.ends_with(name.substr(1));
}

Egress::Egress(const model::Mesh& mesh, const std::vector<model::Placed<std::string>>* hosts) : hosts_(hosts) {
    if (hosts_ == nullptr) return;
    for (const auto& route : mesh.routes) routes_.emplace(route.name, &route);
}

bool Egress::sees_cluster(const std::string& name) const {
    const auto host = host_of(name);
    return std::any_of(hosts_->begin(), hosts_->end(),
                       [&](const auto& pattern) { return egress_matches(pattern.value, host); });
}

bool Egress::sees(const model::Listener& listener) const {
    if (hosts_ == nullptr) return true;
    const auto any_of = [&](const std::vector<model::WeightedCluster>& shares) {
        return std::any_of(shares.begin(), shares.end(), [&](const auto& share) { return sees_cluster(share.name); });
    };
    if (!listener.cluster.empty()) return sees_cluster(listener.cluster);
    if (!listener.weighted_clusters.empty()) return any_of(listener.weighted_clusters);
    const auto route = routes_.find(listener.route_config_name);
    if (route == routes_.end()) return false;
    const auto& hosts = route->second->virtual_hosts;
    return std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) { return any_of(host.weighted_clusters); });
}

}  // namespace shunt::policy
