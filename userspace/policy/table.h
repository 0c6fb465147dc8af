// SPDX-License-Identifier: Apache-2.0
// One kernel table as a plain value: entries side by side, sorted by the bytes of their keys. A tenth of what a tree of
// nodes takes, and two tables are compared as fast as memory is read, or faster where they share parts.
#pragma once

#include <endian.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
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

// K and V are ABI structs: their padding is explicit and zero, so their bytes order and compare them. Entries lie in
// blocks, each in order and before the next. A copy shares its blocks with the original until one of them is changed,
// and tables that are made one after the other share what they have in common: so it is kept once, and compared by
// asking whether it is the same block.
template <class K, class V>
class Table {
public:
    using key_type = K;
    using mapped_type = V;
    using value_type = std::pair<K, V>;
    using Entries = std::vector<value_type>;
    static_assert(sizeof(value_type) == sizeof(K) + sizeof(V), "compared byte by byte");

    class const_iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = Table::value_type;
        using difference_type = std::ptrdiff_t;
        using pointer = const value_type*;
        using reference = const value_type&;

        const_iterator() = default;
        reference operator*() const { return (**block_)[at_]; }
        pointer operator->() const { return &**this; }
        const_iterator& operator++() {
            if (++at_ == (*block_)->size()) {
                ++block_;
                at_ = 0;
            }
            return *this;
        }
        const_iterator operator++(int) {
            auto before = *this;
            ++*this;
            return before;
        }
        bool operator==(const const_iterator&) const = default;

        // Where both stand at the beginning of a block that their tables share, they go behind it. Neither is at its
        // end.
        bool skip_shared(const_iterator& other) {
            if (at_ != 0 || other.at_ != 0 || *block_ != *other.block_) return false;
            ++block_;
            ++other.block_;
            return true;
        }

    private:
        friend class Table;
        const_iterator(const std::shared_ptr<Entries>* block, std::size_t at) : block_(block), at_(at) {}
        const std::shared_ptr<Entries>* block_ = nullptr;
        std::size_t at_ = 0;
    };

    const_iterator begin() const { return {blocks_.data(), 0}; }
    const_iterator end() const { return {blocks_.data() + blocks_.size(), 0}; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // In any order, and often: finish() before anything is looked up. Of equal keys the last one counts.
    void append(const K& key, const V& value) {
        if (blocks_.empty() || blocks_.back().use_count() != 1) blocks_.push_back(std::make_shared<Entries>());
        blocks_.back()->emplace_back(key, value);
        ++size_;
    }
    void finish() {
        const auto out_of_order = [](const auto& a, const auto& b) { return !before(a, b); };  // or twice
        if (std::adjacent_find(begin(), end(), out_of_order) == end()) return;
        auto all = std::make_shared<Entries>();
        all->reserve(size_);
        for (const auto& block : blocks_) all->insert(all->end(), block->begin(), block->end());
        std::stable_sort(all->begin(), all->end(), before);
        // Unique from behind, because of equal keys the last one is kept.
        const auto first = std::unique(all->rbegin(), all->rend(),
                                       [](const auto& a, const auto& b) { return !before(a, b) && !before(b, a); });
        all->erase(all->begin(), first.base());
        size_ = all->size();
        blocks_.assign(1, std::move(all));
    }

    // Entries that are in order and come after all others: the block of `earlier` that holds the same, or a new one.
    void append_block(const Entries& entries, const Table& earlier) {
        if (entries.empty()) return;
        size_ += entries.size();
        const auto known = earlier.block_for(entries.front().first);
        if (known != earlier.blocks_.end() && same(**known, entries))
            blocks_.push_back(*known);
        else
            blocks_.push_back(std::make_shared<Entries>(entries));
    }
    // A table that holds what `earlier` holds becomes a copy of it.
    void share(const Table& earlier) {
        const auto equal = [](const auto& a, const auto& b) { return a == b || same(*a, *b); };
        if (std::equal(blocks_.begin(), blocks_.end(), earlier.blocks_.begin(), earlier.blocks_.end(), equal))
            blocks_ = earlier.blocks_;
    }

    const_iterator find(const K& key) const {
        const auto block = block_for(key);
        if (block == blocks_.end()) return end();
        const auto at = std::lower_bound((*block)->begin(), (*block)->end(), key, before_key);
        if (compare_bytes(at->first, key) != 0) return end();
        return {&*block, static_cast<std::size_t>(at - (*block)->begin())};
    }
    bool contains(const K& key) const { return find(key) != end(); }
    const V& at(const K& key) const {
        const auto found = find(key);
        if (found == end()) throw std::out_of_range("no such table entry");
        return found->second;
    }
    // One by one: cheap where keys come in ascending order, else every later entry of its block moves.
    V& operator[](const K& key) {
        const auto found = block_for(key);
        if (found == blocks_.end()) {
            append(key, V{});
            return blocks_.back()->back().second;
        }
        auto& block = own(blocks_[static_cast<std::size_t>(found - blocks_.begin())]);
        const auto at = std::lower_bound(block.begin(), block.end(), key, before_key);
        if (compare_bytes(at->first, key) == 0) return at->second;
        ++size_;
        return block.emplace(at, key, V{})->second;
    }

    // Every value may be changed, no key.
    template <class Visit>
    void for_each_value(Visit visit) {
        for (auto& block : blocks_)
            for (auto& [key, value] : own(block)) visit(static_cast<const K&>(key), value);
    }

private:
    using Blocks = std::vector<std::shared_ptr<Entries>>;  // none of them empty; what has two owners is not changed

    static bool before(const value_type& a, const value_type& b) { return compare_bytes(a.first, b.first) < 0; }
    static bool before_key(const value_type& entry, const K& key) { return compare_bytes(entry.first, key) < 0; }
    static bool same(const Entries& a, const Entries& b) {
        return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(value_type)) == 0;
    }
    static Entries& own(std::shared_ptr<Entries>& block) {
        if (block.use_count() != 1) block = std::make_shared<Entries>(*block);
        return *block;
    }
    // The first that does not end before the key.
    typename Blocks::const_iterator block_for(const K& key) const {
        return std::lower_bound(blocks_.begin(), blocks_.end(), key,
                                [](const auto& block, const K& wanted) { return before_key(block->back(), wanted); });
    }

    Blocks blocks_;
    std::size_t size_ = 0;
};

}  // namespace shunt::policy
