// SPDX-License-Identifier: Apache-2.0
// Envoy's config_dump -> listeners, routes, clusters and the policy of a configuration.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "importer/byte_source.h"
#include "importer/imported.h"

namespace shunt::importer {

struct EnvoyConfig {
    std::string node;  // of its bootstrap: "sidecar~10.0.3.7~reviews-v1-6d8f.default~default.svc.cluster.local"
    // Of the listener with use_original_dst (Istio's virtualOutbound). Neither is set where there is none: such an
    // Envoy has not got its configuration yet, or is no sidecar.
    std::optional<base::SocketAddress> listen_v4, listen_v6;
    model::PolicyMode mode = model::PolicyMode::kAllowAny;
    std::string catch_all;  // cluster of connections that no listener takes; empty: none
    std::vector<model::Listener> listeners;
    std::vector<model::Route> routes;
    std::vector<model::Cluster> clusters;
    std::map<std::string, std::string> versions;  // version_info by kind: {"Listeners": "2026-01-01T00:00:00Z/7"}
    std::vector<Remark> remarks;                  // shapes that were not understood, each with an example
};

// Every name that is referred to exists, names and addresses are unique: what config::load_text asks of a file.
// Fails as a whole, with ExitCode::kConfigInvalid, for anything that is no dump, or not all of one.
base::Result<EnvoyConfig> read_envoy(ByteSource& source, const std::string& name);

// A whole configuration. Fails where the dump names no listener with use_original_dst. What a dump does not say, the
// proxy's user and group, has Istio's defaults unless a cgroup is given.
base::Result<Imported> from_envoy(EnvoyConfig&& envoy, const std::string& source, const Surroundings& surroundings);

// Puts its parts into `mesh`, whose proxy.listen and outboundTrafficPolicy.enforcedBy stay.
void merge_envoy(EnvoyConfig&& envoy, model::Mesh& mesh);

}  // namespace shunt::importer
