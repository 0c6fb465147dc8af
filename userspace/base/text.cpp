// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <cstdint>

namespace shunt::base {
namespace {

constexpr std::size_t kShown = 80;

struct Character {
    std::uint32_t code = 0;
    std::size_t bytes = 0;
};

// The character of two or three bytes at the beginning; code 0 where there is none.
Character character(std::string_view text) {
    const auto at = [&](std::size_t i) -> std::uint32_t { return static_cast<std::uint8_t>(text[i]); };
    const auto follows = [&](std::size_t i) { return i < text.size() && (at(i) & 0xc0) == 0x80; };
    if ((at(0) & 0xe0) == 0xc0 && follows(1)) return {(at(0) & 0x1f) << 6 | (at(1) & 0x3f), 2};
    if ((at(0) & 0xf0) == 0xe0 && follows(1) && follows(2))
        return {(at(0) & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f), 3};
    return {};
}

// Controls beyond ASCII, and what takes no place or turns the line around: marks of byte order and direction, joiners.
bool is_invisible(std::uint32_t code) {
    return (code >= 0x80 && code < 0xa0) || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string escaped(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<std::uint8_t>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else if (const auto [code, bytes] = character(text.substr(i)); is_invisible(code)) {
            out += "\\u";
            for (const unsigned shift : {12u, 8u, 4u, 0u}) out += kHex[code >> shift & 15];
            i += bytes - 1;
        } else {
            out += c;
        }
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::size_t shown = text.size();
    if (shown > kShown) {
        shown = kShown;
        while (shown > 0 && (static_cast<std::uint8_t>(text[shown]) & 0xc0) == 0x80) --shown;
    }
    std::string out = "\"" + escaped(text.substr(0, shown));
    return out + (shown < text.size() ? "...\"" : "\"");
}

std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit) {
    const std::size_t longer = std::max(left.size(), right.size());
    if (longer - std::min(left.size(), right.size()) > limit) return limit + 1;
    std::vector<std::size_t> before(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        std::size_t best = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const bool same = lower(left[i - 1]) == lower(right[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) &&
                lower(left[i - 2]) == lower(right[j - 1]))
                row[j] = std::min(row[j], before[j - 2] + 1);
            best = std::min(best, row[j]);
        }
        if (best > limit) return limit + 1;
        before.swap(last);
        last.swap(row);
    }
    return std::min(last[right.size()], limit + 1);
}

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string_view>& candidates) {
    std::size_t limit = std::max<std::size_t>(2, name.size() / 3);
    std::optional<std::string> found;
    for (const auto candidate : candidates) {
        const std::size_t distance = edit_distance(name, candidate, limit);
        // A name that shares no letter with what was written is no help.
        if (distance > limit || distance >= std::max(name.size(), candidate.size())) continue;
        found = std::string(candidate);
        if (distance == 0) break;
        limit = distance - 1;
    }
    return found;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates) {
    const auto found = nearest(name, candidates);
    return found ? " (did you mean " + base::quoted(*found) + "?)" : std::string();
}

}  // namespace shunt::base
