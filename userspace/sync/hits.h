// SPDX-License-Identifier: Apache-2.0
// The one field of some tables that the programs write. Userspace's copies of tables hold 0 there, so that a
// configuration is compared with a configuration; what the kernel has counted is carried along where an entry is
// written anew. Nobody counts in the bank that is being written, so nothing is lost between reading and writing it.
#pragma once

#include "kernel/map.h"
#include "policy/tables.h"

namespace shunt::sync {

template <class V>
concept Counting = requires(V value) {
    value.hits;
};

template <class K, class V>
void clear_hits([[maybe_unused]] policy::Table<K, V>& table) {
    if constexpr (Counting<V>) table.for_each_value([](const K&, V& value) { value.hits = 0; });
}

// To the entries of `table`; of `others` only what it holds too counts.
template <class K, class V>
void add_hits([[maybe_unused]] policy::Table<K, V>& table, [[maybe_unused]] const policy::Table<K, V>& others) {
    if constexpr (Counting<V>)
        table.for_each_value([&](const K& key, V& value) {
            if (const auto other = others.find(key); other != others.end()) value.hits += other->second.hits;
        });
}

// The value with what the map has counted under that key. A count that cannot be read is no reason to refuse a change.
template <class K, class V>
V carrying_hits([[maybe_unused]] const kernel::Map<K, V>& map, [[maybe_unused]] const K& key, V value) {
    if constexpr (Counting<V>) {
        const auto counted = map.lookup(key);
        if (counted && *counted) value.hits = (*counted)->hits;
    }
    return value;
}

}  // namespace shunt::sync
