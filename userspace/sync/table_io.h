// SPDX-License-Identifier: Apache-2.0
// One inner map against one plain table.
#pragma once

#include <cstring>
#include <vector>

#include "kernel/map.h"
#include "policy/tables.h"
#include "sync/hits.h"
#include "sync/table_text.h"

namespace shunt::sync {

template <class K, class V>
base::Result<policy::Table<K, V>> read_table(const kernel::Map<K, V>& map) {
    policy::Table<K, V> table;
    auto read = map.for_each_entry([&](const K& key, const V& value) { table.append(key, value); });
    if (!read) return tl::unexpected(read.error());
    table.finish();
    return table;
}

// A map that is new and empty, in place of `old`, if there is one.
template <class K, class V>
base::Status fill_table(const kernel::Map<K, V>& map, const policy::Table<K, V>& wanted, const kernel::Map<K, V>* old) {
    policy::Table<K, V> counted;
    if constexpr (kernel::Counting<V>)
        if (old != nullptr)
            if (auto read = read_table(*old)) counted = std::move(*read);
    std::vector<std::uint8_t> keys(wanted.size() * sizeof(K));
    std::vector<std::uint8_t> values(wanted.size() * sizeof(V));
    std::size_t i = 0;
    for (const auto& [key, value] : wanted) {
        V written = value;
        if constexpr (kernel::Counting<V>)
            if (const auto before = counted.find(key); before != counted.end()) written.hits = before->second.hits;
        std::memcpy(keys.data() + i * sizeof(K), &key, sizeof(K));
        std::memcpy(values.data() + i * sizeof(V), &written, sizeof(V));
        ++i;
    }
    return map.raw().update_batch(keys, values, static_cast<std::uint32_t>(wanted.size()));
}

// Removes first, then writes: a table that is full can be changed. Both tables are sorted, so one pass over what they
// do not share finds what differs.
template <class K, class V>
struct Difference {
    std::vector<K> surplus;
    std::vector<std::pair<K, V>> missing;
    std::size_t compared = 0;  // entries that were looked at for it
    std::size_t size() const { return surplus.size() + missing.size(); }
};

template <class K, class V>
Difference<K, V> difference(const policy::Table<K, V>& held, const policy::Table<K, V>& wanted) {
    Difference<K, V> found;
    auto& [surplus, missing, compared] = found;
    auto have = held.begin();
    auto want = wanted.begin();
    while (have != held.end() || want != wanted.end()) {
        if (have != held.end() && want != wanted.end() && have.skip_shared(want)) continue;
        ++compared;
        const int order = have == held.end()     ? 1
                          : want == wanted.end() ? -1
                                                 : policy::compare_bytes(have->first, want->first);
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
        if (auto updated = map.update(key, carrying_hits(map, key, value), to_text(key)); !updated) return updated;
    return {};
}

// Returns the number of entries that were written or removed. `held` says afterwards what the map holds, also where the
// change stopped half way.
template <class K, class V>
base::Result<std::size_t> change_table(const kernel::Map<K, V>& map, policy::Table<K, V>& held,
                                       const policy::Table<K, V>& wanted) {
    const auto change = difference(held, wanted);
    if (auto written = write_difference(map, change); !written) {
        auto left = read_table(map);
        if (!left) return tl::unexpected(left.error());
        held = std::move(*left);
        clear_hits(held);
        return tl::unexpected(written.error());
    }
    held = wanted;  // its blocks
    return change.size();
}

}  // namespace shunt::sync
