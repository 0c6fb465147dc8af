// SPDX-License-Identifier: Apache-2.0
#include "telemetry/hits.h"

#include <algorithm>

#include "kernel/hits.h"

namespace shunt::telemetry {
namespace {

template <class K, class V>
auto read_both(const std::string& inner, unsigned bank) {
    return kernel::read_hits<K, V>(inner + "_" + std::to_string(bank), inner + "_" + std::to_string(bank ^ 1));
}

// Those with as many hits stay in the order of their keys, so that the same ones are chosen each time.
template <class T>
std::size_t keep_most(std::vector<T>& all, std::size_t most) {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.hits > b.hits; });
    const auto left_out = all.size() - std::min(all.size(), most);
    all.resize(all.size() - left_out);
    return left_out;
}

}  // namespace

base::Result<Hits> read_hits(const std::string& pin_directory, unsigned bank, std::size_t most) {
    Hits found;
    const auto listeners = read_both<shunt_listener_key, shunt_listener>(pin_directory + "/shunt_listeners", bank);
    if (!listeners) return tl::unexpected<base::Error>(listeners.error());
    for (const auto& [key, value] : *listeners) found.listeners.push_back({key, value.id, value.hits});
    const auto clusters = read_both<shunt_cluster_key, shunt_cluster>(pin_directory + "/shunt_clusters", bank);
    if (!clusters) return tl::unexpected<base::Error>(clusters.error());
    for (const auto& [key, value] : *clusters) {
        if (found.clusters.empty() || found.clusters.back().id != key.cluster)
            found.clusters.push_back({key.cluster, 0});
        found.clusters.back().hits += value.hits;
    }
    found.listeners_left_out = keep_most(found.listeners, most);
    found.clusters_left_out = keep_most(found.clusters, most);
    return found;
}

}  // namespace shunt::telemetry
