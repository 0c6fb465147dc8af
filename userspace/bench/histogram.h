// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace shunt::bench {

// Counts of values from 0 on in the log-linear buckets of HdrHistogram with three significant digits: each is at most
// 1/1024 of its value wide, whatever the value. (Debian 12 has no library of it for C or C++; histogram_text.h has its
// text form.)
class Histogram {
public:
    void add(std::uint64_t value, std::uint64_t count = 1);
    void add(const Histogram& other);
    void add_at(std::size_t index, std::uint64_t count);  // in the bucket of that index

    std::uint64_t total() const { return total_; }
    // The value that `fraction` (0-1) of all are not above; the middle of its bucket. 0 where there is none.
    std::uint64_t quantile(double fraction) const;
    // By index of the bucket; the last one is not 0.
    const std::vector<std::uint64_t>& counts() const { return counts_; }
    // Middle of the bucket and count, without empty buckets, ascending.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets() const;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t total_ = 0;
};

}  // namespace shunt::bench
