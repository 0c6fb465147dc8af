// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace shunt::harness {

// SHUNT_TEST_SCALE: which part of a test's volume an emulated machine takes; never less than what the test needs.
inline std::uint64_t scaled(std::uint64_t volume, std::uint64_t at_least) {
    const char* factor = std::getenv("SHUNT_TEST_SCALE");
    if (factor == nullptr) return volume;
    return std::max(at_least, static_cast<std::uint64_t>(static_cast<double>(volume) * std::stod(factor)));
}

}  // namespace shunt::harness
