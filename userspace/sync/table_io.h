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
        if (*value) table.append(key, **value);
    }
    table.finish();
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

// Removes first, then writes: a table that is full can be changed. Both tables are sorted, so one pass finds what
// differs.
template <class K, class V>
struct Difference {
    std::vector<K> surplus;
    std::vector<std::pair<K, V>> missing;
    std::size_t size() const { return surplus.size() + missing.size(); }
};

template <class K, class V>
Difference<K, V> difference(const policy::Table<K, V>& held, const policy::Table<K, V>& wanted) {
    Difference<K, V> found;
    auto& [surplus, missing] = found;
    auto have = held.begin();
    auto want = wanted.begin();
    while (have != held.end() || want != wanted.end()) {
        const int order = have == held.end()     ? 1
                          : want == wanted.end() ? -1
                                                 : std::memcmp(&have->first, &want->first, sizeof(K));
        if (order < 0) {
            surplus.push_back((have++)->first);
        } else if (order > 0) {
            missing.push_back(*want++);
        } else {
            if (std::memcmp(&have->second, &want->second, sizeof(V)) != 0) missing.push_back(*want);
            ++have;
            ++want;
        }
    }
    return found;
}

template <class K, class V>
base::Status write_difference(const kernel::Map<K, V>& map, const Difference<K, V>& change) {
    for (const auto& key : change.surplus)
        if (auto erased = map.erase(key, to_text(key)); !erased) return erased;
    for (const auto& [key, value] : change.missing)
        if (auto updated = map.update(key, value, to_text(key)); !updated) return updated;
    return {};
}

// Returns the number of entries that were written or removed. `held` says afterwards what the map holds, also where the
// change stopped half way.
template <class K, class V>
base::Result<std::size_t> change_table(const kernel::Map<K, V>& map, policy::Table<K, V>& held,
                                       const policy::Table<K, V>& wanted) {
    // More new entries than this are copied with all the others: each one alone moves what is behind it.
    constexpr std::size_t kFew = 16;
    const auto change = difference(held, wanted);
    if (auto written = write_difference(map, change); !written) {
        auto left = read_table(map);
        if (!left) return tl::unexpected(left.error());
        held = std::move(*left);
        return tl::unexpected(written.error());
    }
    if (change.surplus.empty() && change.missing.size() <= kFew) {
        for (const auto& [key, value] : change.missing) held[key] = value;
    } else {
        held = wanted;
    }
    return change.size();
}

}  // namespace shunt::sync
