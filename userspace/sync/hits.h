// SPDX-License-Identifier: Apache-2.0
// What the programs have counted in the tables (kernel/hits.h) beside what the controller writes. Its copies of tables
// hold 0 there, so that a configuration is compared with a configuration; the counts are carried along where an entry
// is written anew. Nobody counts in the bank that is being written, so nothing is lost between reading and writing it.
#pragma once

#include "kernel/hits.h"
#include "policy/tables.h"

namespace shunt::sync {

template <class K, class V>
void clear_hits([[maybe_unused]] policy::Table<K, V>& table) {
    if constexpr (kernel::Counting<V>) table.for_each_value([](const K&, V& value) { value.hits = 0; });
}

// The value with what the map has counted under that key. A count that cannot be read is no reason to refuse a change.
template <class K, class V>
V carrying_hits([[maybe_unused]] const kernel::Map<K, V>& map, [[maybe_unused]] const K& key, V value) {
    if constexpr (kernel::Counting<V>) {
        const auto counted = map.lookup(key);
        if (counted && *counted) value.hits = (*counted)->hits;
    }
    return value;
}

}  // namespace shunt::sync
