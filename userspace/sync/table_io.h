// SPDX-License-Identifier: Apache-2.0
// One inner map against one plain table.
#pragma once

#include <cstring>
#include <vector>

#include "kernel/map.h"
#include "policy/tables.h"
#include "sync/table_text.h"

namespace shunt::sync {

template <class K, class V>
base::Result<policy::Table<K, V>> read_table(const kernel::Map<K, V>& map) {
    policy::Table<K, V> table;
    auto keys = map.keys();
    if (!keys) return tl::unexpected(keys.error());
    for (const auto& key : *keys) {
        auto value = map.lookup(key);
        if (!value) return tl::unexpected(value.error());
        if (*value) table.emplace(key, **value);
    }
    return table;
}

template <class K, class V>
base::Status fill_table(const kernel::Map<K, V>& map, const policy::Table<K, V>& wanted) {
    std::vector<std::uint8_t> keys(wanted.size() * sizeof(K));
    std::vector<std::uint8_t> values(wanted.size() * sizeof(V));
    std::size_t i = 0;
    for (const auto& [key, value] : wanted) {
        std::memcpy(keys.data() + i * sizeof(K), &key, sizeof(K));
        std::memcpy(values.data() + i * sizeof(V), &value, sizeof(V));
        ++i;
    }
    return map.raw().update_batch(keys, values, static_cast<std::uint32_t>(wanted.size()));
}

// Removes first, then writes: a table that is full can be changed. `held` follows entry by entry, so that after a
// failure it still says what the map holds.
template <class K, class V>
base::Result<std::size_t> change_table(const kernel::Map<K, V>& map, policy::Table<K, V>& held,
                                       const policy::Table<K, V>& wanted) {
    std::size_t changed = 0;
    for (auto entry = held.begin(); entry != held.end();) {
        if (wanted.contains(entry->first)) {
            ++entry;
            continue;
        }
        if (auto erased = map.erase(entry->first, to_text(entry->first)); !erased)
            return tl::unexpected(erased.error());
        entry = held.erase(entry);
        ++changed;
    }
    for (const auto& [key, value] : wanted) {
        const auto found = held.find(key);
        if (found != held.end() && std::memcmp(&found->second, &value, sizeof(V)) == 0) continue;
        if (auto updated = map.update(key, value, to_text(key)); !updated) return tl::unexpected(updated.error());
        held.insert_or_assign(key, value);
        ++changed;
    }
    return changed;
}

}  // namespace shunt::sync
