// SPDX-License-Identifier: Apache-2.0
// One kernel table as a plain value: entries side by side, sorted by the bytes of their keys. A tenth of what a tree of
// nodes takes, and two tables are compared as fast as memory is read.
#pragma once

#include <endian.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace shunt::policy {

// What memcmp() says of two values of one size, without the call: a comparison is most of what compiling and comparing
// tables costs. Eight bytes at a time, the first byte the most significant.
template <class T>
int compare_bytes(const T& a, const T& b) {
    static_assert(sizeof(T) % sizeof(std::uint32_t) == 0);
    const auto* left = reinterpret_cast<const unsigned char*>(&a);
    const auto* right = reinterpret_cast<const unsigned char*>(&b);
    constexpr std::size_t kLong = sizeof(T) - sizeof(T) % sizeof(std::uint64_t);
    for (std::size_t at = 0; at < kLong; at += sizeof(std::uint64_t)) {
        std::uint64_t one, other;
        std::memcpy(&one, left + at, sizeof one);
        std::memcpy(&other, right + at, sizeof other);
        if (one != other) return be64toh(one) < be64toh(other) ? -1 : 1;
    }
    if constexpr (kLong < sizeof(T)) {
        std::uint32_t one, other;
        std::memcpy(&one, left + kLong, sizeof one);
        std::memcpy(&other, right + kLong, sizeof other);
        if (one != other) return be32toh(one) < be32toh(other) ? -1 : 1;
    }
    return 0;
}

// K and V are ABI structs: their padding is explicit and zero, so their bytes order and compare them.
template <class K, class V>
class Table {
public:
    using key_type = K;
    using mapped_type = V;
    using value_type = std::pair<K, V>;
    using const_iterator = typename std::vector<value_type>::const_iterator;

    const_iterator begin() const { return entries_.begin(); }
    const_iterator end() const { return entries_.end(); }
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    void reserve(std::size_t count) { entries_.reserve(count); }

    // In any order, and often: finish() before anything is looked up. Of equal keys the last one counts.
    void append(const K& key, const V& value) { entries_.emplace_back(key, value); }
    void finish() {
        const auto out_of_order = [](const auto& a, const auto& b) { return !before(a, b); };  // or twice
        if (std::adjacent_find(entries_.begin(), entries_.end(), out_of_order) == entries_.end()) return;
        std::stable_sort(entries_.begin(), entries_.end(), before);
        // Unique from behind, because of equal keys the last one is kept.
        const auto first = std::unique(entries_.rbegin(), entries_.rend(),
                                       [](const auto& a, const auto& b) { return !before(a, b) && !before(b, a); });
        entries_.erase(entries_.begin(), first.base());
    }

    const_iterator find(const K& key) const {
        const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, before_key);
        return at != entries_.end() && same(at->first, key) ? at : entries_.end();
    }
    bool contains(const K& key) const { return find(key) != end(); }
    const V& at(const K& key) const {
        const auto found = find(key);
        if (found == end()) throw std::out_of_range("no such table entry");
        return found->second;
    }
    // One by one: cheap where keys come in ascending order, else every later entry moves.
    V& operator[](const K& key) {
        if (entries_.empty() || compare_bytes(entries_.back().first, key) < 0)
            return entries_.emplace_back(key, V{}).second;
        const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, before_key);
        if (same(at->first, key)) return at->second;
        return entries_.emplace(at, key, V{})->second;
    }

    // Every value may be changed, no key.
    template <class Visit>
    void for_each_value(Visit visit) {
        for (auto& [key, value] : entries_) visit(static_cast<const K&>(key), value);
    }

private:
    static bool before(const value_type& a, const value_type& b) { return compare_bytes(a.first, b.first) < 0; }
    static bool before_key(const value_type& entry, const K& key) { return compare_bytes(entry.first, key) < 0; }
    static bool same(const K& a, const K& b) { return std::memcmp(&a, &b, sizeof(K)) == 0; }

    std::vector<value_type> entries_;
};

}  // namespace shunt::policy
