// SPDX-License-Identifier: Apache-2.0
#include "importer/envoy.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "config/loader.h"
#include "importer/envoy_parts.h"
#include "importer/istio_convert.h"

namespace shunt::importer {
namespace {

std::string read_entry(Entry&& entry, EnvoyParts& parts) {
    switch (entry.kind) {
        case EntryKind::kListener: return read_listener(std::move(entry), parts);
        case EntryKind::kRoute: return read_route(std::move(entry), parts);
        case EntryKind::kCluster: return read_cluster(std::move(entry), parts);
        case EntryKind::kEndpoints: return read_endpoints(std::move(entry), parts);
        case EntryKind::kNode: break;
    }
    Fields fields(entry.place);
    parts.config.node = fields.name(entry.value, "id");
    return fields.error();
}

// The first of each name stays: static ones come before dynamic ones, and Envoy refuses a second one of that name.
template <class Item>
std::unordered_set<std::string> make_unique(std::vector<Item>& items) {
    std::unordered_set<std::string> names;
    std::erase_if(items, [&](const Item& item) { return !names.insert(item.name).second; });
    return names;
}

class Joiner {
public:
    explicit Joiner(EnvoyParts& parts) : parts_(parts), config_(parts.config) {}

    void join() {
        clusters();
        routes();
        listeners();
        policy();
    }

private:
    void clusters() {
        for (auto& [cluster, endpoints_name] : parts_.clusters) {
            const auto found = parts_.endpoints.find(endpoints_name);
            // What Envoy has resolved and checked, before what it was told.
            if (found != parts_.endpoints.end() && !found->second.empty() &&
                cluster.type != model::ClusterType::kOriginalDst)
                cluster.endpoints = found->second;  // several clusters may share them
            config_.clusters.push_back(std::move(cluster));
        }
        parts_.clusters.clear();
        parts_.endpoints.clear();
        cluster_names_ = make_unique(config_.clusters);
    }

    void routes() {
        for (auto& route : config_.routes) {
            for (auto& host : route.virtual_hosts)
                std::erase_if(host.weighted_clusters,
                              [&](const auto& cluster) { return missing(cluster.name, route.name); });
            std::erase_if(route.virtual_hosts, [](const auto& host) { return host.weighted_clusters.empty(); });
        }
        route_names_ = make_unique(config_.routes);
    }

    bool missing(const std::string& cluster, const std::string& where) {
        if (cluster_names_.contains(cluster)) return false;
        parts_.remarks.add(true, "leads to a cluster that is not in the dump, or was left out: left out too",
                           where + " -> " + cluster);
        return true;
    }

    void listeners() {
        make_unique(config_.listeners);
        std::set<base::SocketAddress> addresses;
        std::erase_if(config_.listeners, [&](const model::Listener& listener) {
            if (!listener.cluster.empty() && missing(listener.cluster, listener.name)) return true;
            const auto& route = listener.route_config_name;
            if (!route.empty() && !route_names_.contains(route)) {
                parts_.remarks.add(true, "uses a route that is not in the dump: left out",
                                   listener.name + " -> " + route);
                return true;
            }
            // 0.0.0.0 and :: both mean every address; Istio has one of each in dual stack, for one service.
            const auto address = listener.address.is_unspecified() ? base::Address{} : listener.address;
            return !addresses.insert({address, listener.port}).second;
        });
    }

    void policy() {
        const auto found = std::find_if(config_.clusters.begin(), config_.clusters.end(),
                                        [&](const auto& cluster) { return cluster.name == config_.catch_all; });
        if (found == config_.clusters.end()) {
            if (config_.listen_v4 || config_.listen_v6)
                parts_.remarks.add(true, "no cluster for what no listener takes: taken as ALLOW_ANY",
                                   "outboundTrafficPolicy");
        } else if (found->type == model::ClusterType::kStatic && found->endpoints.empty()) {
            config_.mode = model::PolicyMode::kRegistryOnly;
        } else if (found->type != model::ClusterType::kOriginalDst) {
            parts_.remarks.add(true,
                               "what no listener takes goes to cluster " + config_.catch_all +
                                   ": taken as ALLOW_ANY; leave enforcedBy: proxy",
                               "outboundTrafficPolicy");
        }
    }

    EnvoyParts& parts_;
    EnvoyConfig& config_;
    std::unordered_set<std::string> cluster_names_, route_names_;
};

}  // namespace

void RemarkBook::add(bool differs, const std::string& what, const std::string& example) {
    auto& page = pages_[what];
    page.differs = differs;
    if (page.count++ == 0) page.example = example;
}

std::vector<Remark> RemarkBook::take() {
    std::vector<Remark> list;
    for (const auto& [what, page] : pages_) {
        const std::string others = page.count > 1 ? " and " + std::to_string(page.count - 1) + " others" : "";
        list.push_back({page.differs, (page.example.empty() ? "no name" : page.example) + others + ": " + what});
    }
    return list;
}

base::Result<EnvoyConfig> read_envoy(ByteSource& source, const std::string& name) {
    EnvoyParts parts;
    const auto facts = read_entries(source, name, [&](Entry&& entry) { return read_entry(std::move(entry), parts); });
    if (!facts) return tl::unexpected<base::Error>(facts.error());
    for (const auto& type : facts->unknown_types)
        parts.remarks.add(
            true, "a part of another Envoy version, or of an extension: its lists are read where their names are known",
            base::escaped(type));
    parts.config.versions = facts->versions;
    Joiner(parts).join();
    parts.config.remarks = parts.remarks.take();
    return std::move(parts.config);
}

base::Result<Imported> from_envoy(EnvoyConfig&& envoy, const std::string& source, const Surroundings& surroundings) {
    if (!envoy.listen_v4 && !envoy.listen_v6)
        return base::fail(source +
                              ": no listener with use_original_dst (virtualOutbound); expected the dump of a sidecar "
                              "that has its configuration",
                          base::ExitCode::kConfigInvalid);
    Imported out;
    out.mesh = config::default_mesh();
    auto& proxy = out.mesh.proxy;
    if (envoy.listen_v4) proxy.listen_v4 = {*envoy.listen_v4, {}};
    if (envoy.listen_v6) proxy.listen_v6 = {*envoy.listen_v6, {}};
    out.origins["proxy.listen"] = "virtualOutbound" + (envoy.node.empty() ? "" : " of " + envoy.node);
    out.origins["outboundTrafficPolicy.mode"] =
        envoy.catch_all.empty() ? "nothing in the dump says" : "catch-all: " + envoy.catch_all;
    if (surroundings.proxy_cgroup.empty()) {
        proxy.identity.uids.push_back({1337, {}});
        proxy.identity.gids.push_back({1337, {}});
        out.origins["proxy.identity.uids"] = out.origins["proxy.identity.gids"] =
            "Istio's default; a dump does not say";
    }
    out.remarks = std::move(envoy.remarks);
    merge_envoy(std::move(envoy), out.mesh);
    apply_surroundings(surroundings, out);
    return out;
}

void merge_envoy(EnvoyConfig&& envoy, model::Mesh& mesh) {
    mesh.policy.mode = envoy.mode;
    mesh.listeners = std::move(envoy.listeners);
    mesh.routes = std::move(envoy.routes);
    mesh.clusters = std::move(envoy.clusters);
}

}  // namespace shunt::importer
