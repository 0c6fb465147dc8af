// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram_text.h"

#include <zlib.h>

#include <bit>
#include <optional>

namespace shunt::bench {
namespace {

// Numbers are big-endian. Compressed: cookie, length, zlib stream of: cookie, length of the counts, offset of the first
// index, digits, lowest and highest value that can be counted, factor (a double), counts.
constexpr std::uint32_t kCookie = 0x1c849313, kCompressedCookie = 0x1c849314;
constexpr std::size_t kHead = 8, kInnerHead = 40;
constexpr std::uint32_t kDigits = 3;
constexpr std::uint64_t kHighest = 3'600'000'000'000;  // an hour, which is what most tools say; it bounds nothing here
constexpr std::size_t kMostCounts = 64 << 10;          // indices that 64 bits can have, and some
constexpr std::size_t kMostBytes = 16 << 20;
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void put(std::string& bytes, std::uint64_t value, unsigned size) {
    while (size-- > 0) bytes.push_back(static_cast<char>(value >> (8 * size)));
}

std::uint64_t get(std::string_view bytes, std::size_t at, unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

// LEB128 of a ZigZag number, but with all eight bits of a ninth byte.
void put_number(std::string& bytes, std::int64_t number) {
    auto value = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
    for (int i = 0; i < 8; ++i) {
        if (value < 0x80) break;
        bytes.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    bytes.push_back(static_cast<char>(value));
}

// False: the bytes end within the number.
bool take_number(std::string_view& bytes, std::int64_t& number) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 9; ++i) {
        if (i >= bytes.size()) return false;
        const auto byte = static_cast<unsigned char>(bytes[i]);
        const bool last = i == 8 || byte < 0x80;
        value |= static_cast<std::uint64_t>(i == 8 ? byte : byte & 0x7f) << (7 * i);
        if (!last) continue;
        bytes.remove_prefix(i + 1);
        break;
    }
    number = static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    return true;
}

// A count, or less than 0: so many of 0.
std::string counts_of(const Histogram& histogram) {
    std::string bytes;
    std::int64_t empty = 0;
    for (const auto count : histogram.counts()) {
        if (count == 0) {
            ++empty;
            continue;
        }
        if (empty > 0) put_number(bytes, -empty);
        empty = 0;
        put_number(bytes, static_cast<std::int64_t>(count));
    }
    return bytes;
}

std::string base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t three = 0;
        for (std::size_t k = 0; k < 3; ++k)
            three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            text.push_back(i + k <= bytes.size() ? kBase64[three >> (18 - 6 * k) & 63] : '=');
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    while (text.ends_with('=')) text.remove_suffix(1);
    for (const char letter : text) {
        const auto value = kBase64.find(letter);
        if (value == std::string_view::npos) return {};
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes.push_back(static_cast<char>(bits >> count));
    }
    return bytes;
}

std::optional<std::string> inflated(std::string_view bytes) {
    for (std::size_t room = 16 * bytes.size() + 4096; room <= kMostBytes; room *= 4) {
        std::string result(room, '\0');
        uLongf size = room;
        const int status = uncompress(reinterpret_cast<Bytef*>(result.data()), &size,
                                      reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
        if (status == Z_BUF_ERROR) continue;
        if (status != Z_OK) return {};
        result.resize(size);
        return result;
    }
    return {};
}

}  // namespace

std::string to_text(const Histogram& histogram) {
    const auto counts = counts_of(histogram);
    std::string inner;
    put(inner, kCookie, 4);
    put(inner, counts.size(), 4);
    put(inner, 0, 4);
    put(inner, kDigits, 4);
    put(inner, 1, 8);
    put(inner, kHighest, 8);
    put(inner, std::bit_cast<std::uint64_t>(1.0), 8);
    inner += counts;
    auto size = compressBound(inner.size());
    std::string packed(size, '\0');
    compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(inner.data()),
              inner.size(), Z_BEST_COMPRESSION);
    packed.resize(size);
    std::string bytes;
    put(bytes, kCompressedCookie, 4);
    put(bytes, packed.size(), 4);
    return base64(bytes + packed);
}

base::Result<Histogram> histogram_of(std::string_view text) {
    const auto bytes = from_base64(text);
    if (!bytes || bytes->size() < kHead || get(*bytes, 0, 4) != kCompressedCookie ||
        get(*bytes, 4, 4) != bytes->size() - kHead)
        return base::fail("not a histogram: no compressed V2 encoding of HdrHistogram");
    const auto inner = inflated(std::string_view(*bytes).substr(kHead));
    if (!inner || inner->size() < kInnerHead || get(*inner, 0, 4) != kCookie ||
        get(*inner, 4, 4) != inner->size() - kInnerHead)
        return base::fail("not a histogram: what was compressed is damaged");
    if (get(*inner, 8, 4) != 0 || get(*inner, 12, 4) != kDigits || get(*inner, 16, 8) != 1)
        return base::fail("a histogram of another precision than three digits from 1 on");
    Histogram histogram;
    std::string_view counts = std::string_view(*inner).substr(kInnerHead);
    std::size_t index = 0;
    while (!counts.empty()) {
        std::int64_t number = 0;
        if (!take_number(counts, number)) return base::fail("not a histogram: it ends within a count");
        if (number <= 0) {
            index += number == 0 ? 1 : static_cast<std::size_t>(-(number + 1)) + 1;
        } else {
            histogram.add_at(index, static_cast<std::uint64_t>(number));
            ++index;
        }
        if (index > kMostCounts) return base::fail("not a histogram: more counts than there are values");
    }
    return histogram;
}

}  // namespace shunt::bench
