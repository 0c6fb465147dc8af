// SPDX-License-Identifier: Apache-2.0
// A hash map of the kernel that is filled up with entries nobody else has.
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "harness/fd.h"

namespace shunt::harness {

class Filler {
public:
    explicit Filler(const std::string& pin);  // of a BPF_MAP_TYPE_HASH; throws

    std::uint32_t capacity() const { return info_.max_entries; }
    // Keys `first` and on (the last four bytes of a key, in the machine's byte order; the others are 0), values of
    // zeroes. How many there was room for. In one call: a guest takes seconds for a quarter of a million.
    std::uint32_t fill(std::uint32_t first, std::uint32_t count) const;
    // Those that fill() put there.
    void clear(std::uint32_t first, std::uint32_t count) const;

private:
    std::vector<char> keys(std::uint32_t first, std::uint32_t count) const;

    Fd map_;
    bpf_map_info info_{};
};

}  // namespace shunt::harness
