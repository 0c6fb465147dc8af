// SPDX-License-Identifier: Apache-2.0
#include "telemetry/hits.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernel/map.h"

namespace shunt::telemetry {
namespace {

template <class K, class V>
using Entries = std::vector<std::pair<K, V>>;

template <class K>
bool before(const K& a, const K& b) {
    return std::memcmp(&a, &b, sizeof(K)) < 0;
}

// Sorted by key; a table that was never made is empty.
template <class K, class V>
base::Result<Entries<K, V>> read_entries(const std::string& pin, bool only_counted) {
    Entries<K, V> entries;
    if (access(pin.c_str(), F_OK) != 0) return entries;
    const auto map = kernel::Map<K, V>::open_pinned(pin);
    if (!map) return tl::unexpected<base::Error>(map.error());
    const auto read = map->for_each_entry([&](const K& key, const V& value) {
        if (!only_counted || value.hits != 0) entries.emplace_back(key, value);
    });
    if (!read) return tl::unexpected<base::Error>(read.error());
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return before(a.first, b.first); });
    return entries;
}

template <class K, class V>
base::Result<Entries<K, V>> read_both(const std::string& inner, unsigned bank) {
    auto entries = read_entries<K, V>(inner + "_" + std::to_string(bank), false);
    if (!entries) return entries;
    const auto others = read_entries<K, V>(inner + "_" + std::to_string(bank ^ 1), true);
    if (!others) return tl::unexpected<base::Error>(others.error());
    auto at = entries->begin();
    for (const auto& [key, value] : *others) {
        at = std::lower_bound(at, entries->end(), key, [](const auto& a, const K& b) { return before(a.first, b); });
        if (at != entries->end() && !before(key, at->first)) at->second.hits += value.hits;
    }
    return entries;
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
