// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace shunt::bench {
namespace {

// Values below 2048 have a bucket each; above, every power of two is cut into 1024.
constexpr unsigned kBits = 10;

std::size_t index_of(std::uint64_t value) {
    if (value < 2u << kBits) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return (static_cast<std::size_t>(shift) << kBits) + (value >> shift);
}

std::uint64_t middle_of(std::size_t index) {
    if (index < 2u << kBits) return index;
    const auto shift = (index >> kBits) - 1;
    const std::uint64_t low = (index - (shift << kBits)) << shift;
    return low + (1ull << shift) / 2;
}

}  // namespace

void Histogram::add(std::uint64_t value, std::uint64_t count) { add_at(index_of(value), count); }

void Histogram::add_at(std::size_t index, std::uint64_t count) {
    if (count == 0) return;
    if (index >= counts_.size()) counts_.resize(index + 1);
    counts_[index] += count;
    total_ += count;
}

void Histogram::add(const Histogram& other) {
    if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
}

std::uint64_t Histogram::quantile(double fraction) const {
    if (total_ == 0) return 0;
    const auto rank =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(total_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen >= rank) return middle_of(i);
    }
    return middle_of(counts_.size() - 1);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Histogram::buckets() const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> result;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if (counts_[i] != 0) result.emplace_back(middle_of(i), counts_[i]);
    return result;
}

}  // namespace shunt::bench
