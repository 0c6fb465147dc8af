// SPDX-License-Identifier: Apache-2.0
#include "base/net.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace shunt::base {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Digits only, no leading zero, at most `limit`.
bool parse_number(std::string_view text, unsigned limit, unsigned& value) {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value <= limit;
}

// Keeps the first `bits` of 128; says whether any of the others was set.
bool mask(Address& address, int bits) {
    bool cut = false;
    for (int i = 0; i < 16; ++i) {
        const int keep = std::clamp(bits - i * 8, 0, 8);
        const auto kept = static_cast<std::uint8_t>(address.bytes[i] & (0xff00u >> keep));
        cut = cut || kept != address.bytes[i];
        address.bytes[i] = kept;
    }
    return cut;
}

int bits_of(const Cidr& cidr) { return cidr.is_v4() ? cidr.prefix + 96 : cidr.prefix; }

}  // namespace

Address Address::v4(std::uint32_t host_order) {
    Address address;
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
    for (int i = 0; i < 4; ++i) address.bytes[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return address;
}

bool Address::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin()); }

std::uint32_t Address::v4_host_order() const {
    return static_cast<std::uint32_t>(bytes[12]) << 24 | static_cast<std::uint32_t>(bytes[13]) << 16 |
           static_cast<std::uint32_t>(bytes[14]) << 8 | bytes[15];
}

bool Address::is_unspecified() const {
    return is_v4() ? v4_host_order() == 0 : std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

bool Address::is_loopback() const {
    if (is_v4()) return bytes[12] == 127;
    return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) && bytes[15] == 1;
}

bool Address::is_multicast() const { return is_v4() ? (bytes[12] & 0xf0) == 0xe0 : bytes[0] == 0xff; }

shunt_ip Address::to_abi() const {
    shunt_ip ip{};
    std::memcpy(ip.words_be, bytes.data(), 16);
    return ip;
}

Address Address::from_abi(const shunt_ip& ip) {
    Address address;
    std::memcpy(address.bytes.data(), ip.words_be, 16);
    return address;
}

bool Cidr::contains(const Address& other) const {
    if (is_v4() != other.is_v4()) return false;
    Address masked = other;
    mask(masked, bits_of(*this));
    return masked == address;
}

Result<Address> parse_address(std::string_view text) {
    const std::string copy(text);
    in_addr v4{};
    if (inet_pton(AF_INET, copy.c_str(), &v4) == 1 && copy.size() == std::strlen(copy.c_str()))
        return Address::v4(ntohl(v4.s_addr));
    Address address;
    if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1 && copy.size() == std::strlen(copy.c_str()))
        return address;
    return fail(quoted(text) + " is not an address; expected IPv4 (10.0.0.1) or IPv6 (2001:db8::1)");
}

Result<std::uint16_t> parse_port(std::string_view text) {
    unsigned value = 0;
    if (!parse_number(text, 65535, value) || value == 0) return fail(quoted(text) + " is not a port; expected 1-65535");
    return static_cast<std::uint16_t>(value);
}

Result<PortRange> parse_port_range(std::string_view text) {
    const auto separator = text.find_first_of("-:");
    if (separator == std::string_view::npos) {
        auto port = parse_port(text);
        if (!port) return fail(quoted(text) + " is not a port; expected 1-65535 or a range (8000-8010)");
        return PortRange{*port, *port};
    }
    auto first = parse_port(text.substr(0, separator));
    auto last = parse_port(text.substr(separator + 1));
    if (!first || !last) return fail(quoted(text) + " is not a range of ports; expected 8000-8010, each end 1-65535");
    if (*first > *last) return fail(quoted(text) + " ends before it starts; expected the lower port first");
    return PortRange{*first, *last};
}

Result<SocketAddress> parse_socket_address(std::string_view text) {
    const std::string expected =
        quoted(text) + " is not an address with a port; expected 10.0.0.1:15001 or [2001:db8::1]:15001";
    std::string_view host;
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find("]:");
        if (close == std::string_view::npos) return fail(expected);
        host = text.substr(1, close - 1);
        port = text.substr(close + 2);
        if (host.find(':') == std::string_view::npos) return fail(expected);
    } else {
        const auto colon = text.rfind(':');
        if (colon == std::string_view::npos) return fail(expected);
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (host.find(':') != std::string_view::npos)
            return fail(quoted(text) + " is IPv6 without brackets; expected [2001:db8::1]:15001");
    }
    auto address = parse_address(host);
    if (!address) return fail(expected);
    auto number = parse_port(port);
    if (!number) return fail(quoted(text) + " has a wrong port; expected 1-65535 after the last colon");
    return SocketAddress{*address, *number};
}

Result<ParsedCidr> parse_cidr(std::string_view text) {
    const std::string expected = quoted(text) + " is not an address range; expected 10.0.0.0/8 or 2001:db8::/32";
    const auto slash = text.find('/');
    auto address = parse_address(text.substr(0, slash));
    if (!address) return fail(expected);
    // A v4-mapped address written in v6 form is the v4 address, but its prefix would count from the other end.
    const bool written_v6 = text.substr(0, slash).find(':') != std::string_view::npos;
    if (written_v6 && address->is_v4())
        return fail(quoted(text) + " is a v4-mapped range; expected the IPv4 range it means (10.0.0.0/8)");
    ParsedCidr parsed;
    parsed.cidr.address = *address;
    const unsigned limit = address->is_v4() ? 32 : 128;
    unsigned prefix = limit;
    if (slash != std::string_view::npos && !parse_number(text.substr(slash + 1), limit, prefix))
        return fail(quoted(text) + " has a wrong prefix length; expected 0-" + std::to_string(limit));
    parsed.cidr.prefix = static_cast<int>(prefix);
    parsed.had_host_bits = mask(parsed.cidr.address, bits_of(parsed.cidr));
    // ::/0 to ::/95 mask a mapped prefix away only for v6 texts, which are excluded above; v4 keeps its first 96 bits.
    return parsed;
}

std::string to_string(const Address& address) {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (address.is_v4())
        inet_ntop(AF_INET, address.bytes.data() + 12, buffer, sizeof buffer);
    else
        inet_ntop(AF_INET6, address.bytes.data(), buffer, sizeof buffer);
    return buffer;
}

std::string to_string(const SocketAddress& address) {
    const std::string host = to_string(address.address);
    return (address.address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(address.port);
}

std::string to_string(const Cidr& cidr) { return to_string(cidr.address) + "/" + std::to_string(cidr.prefix); }

std::string to_string(const PortRange& range) {
    if (range.first == range.last) return std::to_string(range.first);
    return std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace shunt::base
