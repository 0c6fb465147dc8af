// SPDX-License-Identifier: Apache-2.0
// Which listeners a workload may see, as Istio's Sidecar resource says it: egress hosts NAMESPACE/HOST.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/mesh.h"

namespace shunt::policy {

// Host: exact, "*.SUFFIX", or "*". Namespace: the second label of NAME.NAMESPACE.svc.DOMAIN, or "*"; a host of another
// form has none and matches "*" only.
bool egress_matches(std::string_view pattern, std::string_view host);

class Egress {
public:
    // `hosts` null: everything is seen.
    Egress(const model::Mesh& mesh, const std::vector<model::Placed<std::string>>* hosts);
    // By the hosts of its clusters (outbound|PORT|SUBSET|HOST, or the cluster's name), also through its route.
    bool sees(const model::Listener& listener) const;

private:
    bool sees_cluster(const std::string& name) const;

    const std::vector<model::Placed<std::string>>* hosts_;
    std::unordered_map<std::string_view, const model::Route*> routes_;
};

}  // namespace shunt::policy
