// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "config/loader.h"
#include "model/mesh.h"

namespace shunt::inspect {

inline model::Mesh mesh_of(const std::string& rest) {
    const auto loaded = config::load_text(
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\ncapture: { cgroups: [/mesh] }\n" + rest,
        "test.yaml");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return loaded->mesh;
}

inline const std::string kReviews =
    "listeners:\n"
    "  - { name: db, address: 10.96.7.7, port: 3306, direct: true,\n"
    "      weightedClusters: [{ name: a, weight: 10 }, { name: b, weight: 90 }] }\n"
    "  - { name: web, port: 9080, routeConfigName: \"9080\" }\n"
    "routes:\n"
    "  - name: \"9080\"\n"
    "    virtualHosts:\n"
    "      - name: reviews\n"
    "        domains: [reviews]\n"
    "        weightedClusters:\n"
    "          - { name: \"outbound|9080|v1|reviews.default.svc.cluster.local\", weight: 10 }\n"
    "          - { name: b, weight: 90 }\n"
    "clusters:\n"
    "  - { name: \"outbound|9080|v1|reviews.default.svc.cluster.local\", endpoints: [{ address: 10.0.3.9:9080 }] }\n"
    "  - name: a\n"
    "    endpoints: [{ address: 10.0.3.1:80, weight: 3 }, { address: 10.0.3.2:80, health: DRAINING }]\n"
    "  - { name: b, endpoints: [{ address: \"[2001:db8::1]:80\" }, { address: 10.0.3.4:80, weight: 4 }] }\n"
    "  - { name: Pass, type: ORIGINAL_DST }\n";

}  // namespace shunt::inspect
