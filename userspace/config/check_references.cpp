// SPDX-License-Identifier: Apache-2.0
#include <unordered_set>

#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

// The names of one kind, and the nearest of them for those that do not exist.
class Names {
public:
    template <class Item>
    explicit Names(const std::vector<Item>& items) {
        for (const auto& item : items) {
            if (item.name.empty()) continue;
            ordered_.push_back(item.name);
            known_.insert(item.name);
        }
    }
    bool has(const std::string& name) const { return known_.contains(name); }
    std::string suggestion(const std::string& name) {
        // Each search compares with every name: a large file that refers to nothing at all must not take hours.
        compared_ += ordered_.size();
        return compared_ > 2'000'000 ? std::string() : base::did_you_mean(name, ordered_);
    }

private:
    std::vector<std::string_view> ordered_;
    std::unordered_set<std::string_view> known_;
    std::size_t compared_ = 0;
};

// The kernel dials endpoints; a cluster that has none by nature cannot be balanced over.
void check_direct(Problems& problems, const model::Mesh& mesh, const std::vector<model::Listener>& listeners,
                  const Notes& notes) {
    std::unordered_set<std::string_view> original_dst;
    for (const auto& cluster : mesh.clusters)
        if (cluster.type == model::ClusterType::kOriginalDst) original_dst.insert(cluster.name);
    const auto check = [&](const std::string& name, const model::Place& place) {
        if (!original_dst.contains(name)) return;
        problems.error(place,
                       "cluster " + base::quoted(name) +
                           " is of type ORIGINAL_DST, without endpoints; expected one with endpoints, for direct");
    };
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const auto& listener = listeners[i];
        if (!listener.direct) continue;
        check(listener.cluster, notes.listener_targets[i]);
        for (const auto& share : listener.weighted_clusters) check(share.name, share.place);
    }
}

void check_name(Problems& problems, Names& names, const std::string& kind, const std::string& name,
                const model::Place& place) {
    if (name.empty() || names.has(name)) return;
    problems.error(place, kind + " " + base::quoted(name) + " does not exist" + names.suggestion(name) +
                              "; expected the name of one under " + kind + "s");
}

}  // namespace

void check_references(Problems& problems, const model::Mesh& mesh, const std::vector<model::Listener>& listeners,
                      const Notes& notes) {
    Names clusters(mesh.clusters);
    Names routes(mesh.routes);
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const auto& listener = listeners[i];
        const auto& target = notes.listener_targets[i];
        if (notes.routes_readable) check_name(problems, routes, "route", listener.route_config_name, target);
        if (!notes.clusters_readable) continue;
        check_name(problems, clusters, "cluster", listener.cluster, target);
        for (const auto& share : listener.weighted_clusters)
            check_name(problems, clusters, "cluster", share.name, share.place);
    }
    if (notes.clusters_readable) check_direct(problems, mesh, listeners, notes);
}

void check_routes(Problems& problems, const model::Mesh& mesh, const Notes& notes) {
    if (!notes.clusters_readable) return;
    Names clusters(mesh.clusters);
    for (const auto& route : mesh.routes)
        for (const auto& host : route.virtual_hosts)
            for (const auto& cluster : host.weighted_clusters)
                check_name(problems, clusters, "cluster", cluster.name, cluster.place);
}

}  // namespace shunt::config
