// SPDX-License-Identifier: Apache-2.0
// What the targets ask beyond "no crash".
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace shunt::fuzz {

inline void expect(bool holds, const char* what, const std::string& seen) {
    if (holds) return;
    std::fprintf(stderr, "expected: %s\n%s\n", what, seen.c_str());
    std::abort();
}

// On a terminal: not empty, lines, without control characters, marks of byte order and of direction.
inline bool can_be_shown(std::string_view text) {
    if (text.empty()) return false;
    for (const char* invisible : {"\xEF\xBB\xBF", "\xC2\x85", "\xE2\x80\x8B", "\xE2\x80\xAE"})
        if (text.find(invisible) != std::string_view::npos) return false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\n') || byte == 0x7f) return false;
    }
    return true;
}

}  // namespace shunt::fuzz
