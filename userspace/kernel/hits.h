// SPDX-License-Identifier: Apache-2.0
// The one field of some tables' entries that the programs write: how often a listener or a cluster was used. It is
// counted in whichever bank is in force, so what was counted is the sum of both.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernel/listener_map.h"
#include "kernel/map.h"

namespace shunt::kernel {

template <class V>
concept Counting = requires(V value) {
    value.hits;
};

template <class K, Counting V, class Visit>
base::Status visit_entries(const std::string& pin, Visit visit) {
    if constexpr (std::is_same_v<V, shunt_listener>) {
        const auto map = ListenerMap::open_pinned(pin);
        if (!map) return tl::unexpected<base::Error>(map.error());
        map->for_each(visit);
        return {};
    } else {
        const auto map = Map<K, V>::open_pinned(pin);
        if (!map) return tl::unexpected<base::Error>(map.error());
        return map->for_each_entry(visit);
    }
}

// Sorted by the bytes of the keys; those without hits too, where they are asked for. A table that was never made is
// empty.
template <class K, Counting V>
base::Result<std::vector<std::pair<K, V>>> read_counted(const std::string& pin, bool without_hits) {
    std::vector<std::pair<K, V>> entries;
    const auto read = visit_entries<K, V>(pin, [&](const K& key, const V& value) {
        if (without_hits || value.hits != 0) entries.emplace_back(key, value);
    });
    if (!read && read.error().number == ENOENT) return entries;
    if (!read) return tl::unexpected<base::Error>(read.error());
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return std::memcmp(&a.first, &b.first, sizeof(K)) < 0; });
    return entries;
}

// The entries of the table that is in force, each with what was counted for it in that one and in the other bank's.
template <class K, Counting V>
base::Result<std::vector<std::pair<K, V>>> read_hits(const std::string& in_force, const std::string& other) {
    auto entries = read_counted<K, V>(in_force, true);
    if (!entries) return entries;
    const auto others = read_counted<K, V>(other, false);
    if (!others) return tl::unexpected<base::Error>(others.error());
    auto at = entries->begin();
    for (const auto& [key, value] : *others) {
        at = std::lower_bound(at, entries->end(), key, [](const auto& entry, const K& wanted) {
            return std::memcmp(&entry.first, &wanted, sizeof(K)) < 0;
        });
        if (at != entries->end() && std::memcmp(&at->first, &key, sizeof(K)) == 0) at->second.hits += value.hits;
    }
    return entries;
}

}  // namespace shunt::kernel
