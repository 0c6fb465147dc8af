// SPDX-License-Identifier: Apache-2.0
// The harness fails by exception: a test that cannot set its scene has failed, and gtest reports the text.
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace shunt::harness {

[[noreturn]] inline void fail_errno(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

inline int check(int result, const std::string& what) {
    if (result < 0) fail_errno(what);
    return result;
}

}  // namespace shunt::harness
