// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace shunt::bench {

// Counts of values from 0 on in log-linear buckets, as HdrHistogram has them: each bucket is at most 1/1024 of its
// value wide, whatever the value.
class Histogram {
public:
    void add(std::uint64_t value, std::uint64_t count = 1);
    void add(const Histogram& other);

    std::uint64_t total() const { return total_; }
    // The value that `fraction` (0-1) of all are not above; the middle of its bucket. 0 where there is none.
    std::uint64_t quantile(double fraction) const;
    // Middle of the bucket and count, without empty buckets, ascending.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> buckets() const;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t total_ = 0;
};

}  // namespace shunt::bench
