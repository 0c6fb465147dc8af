// SPDX-License-Identifier: Apache-2.0
// Addresses, CIDR ranges and ports as plain values. All byte orders are named.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "shunt/abi.h"

namespace shunt::base {

// An IPv4 or IPv6 address in network byte order. IPv4 is kept v4-mapped (::ffff:a.b.c.d), as in the kernel ABI; a
// v4-mapped address that was written as such is the same value as the IPv4 address it means.
struct Address {
    std::array<std::uint8_t, 16> bytes{};

    static Address v4(std::uint32_t host_order);
    bool is_v4() const;
    std::uint32_t v4_host_order() const;  // only where is_v4()
    bool is_unspecified() const;          // 0.0.0.0 or ::
    bool is_loopback() const;             // 127/8 or ::1
    bool is_multicast() const;
    shunt_ip to_abi() const;
    static Address from_abi(const shunt_ip& ip);
    auto operator<=>(const Address&) const = default;
};

struct SocketAddress {
    Address address;
    std::uint16_t port = 0;  // host order
    auto operator<=>(const SocketAddress&) const = default;
};

// A range of addresses; prefix counts in the address's own family (0-32 for v4, 0-128 for v6).
struct Cidr {
    Address address;  // host bits are zero
    int prefix = 0;
    bool is_v4() const { return address.is_v4(); }
    bool contains(const Address& other) const;  // false for the other family
    auto operator<=>(const Cidr&) const = default;
};

struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;  // inclusive
    auto operator<=>(const PortRange&) const = default;
};

// Strict parsers: the whole text must be the value; no blanks, no octal, no leading '+'. Errors say what was expected.
Result<Address> parse_address(std::string_view text);
Result<SocketAddress> parse_socket_address(std::string_view text);  // 1.2.3.4:80, [2001:db8::1]:80; port 1-65535
Result<std::uint16_t> parse_port(std::string_view text);            // 1-65535
Result<PortRange> parse_port_range(std::string_view text);          // 80, 8000-8010 or 8000:8010

struct ParsedCidr {
    Cidr cidr;
    bool had_host_bits = false;  // 10.1.2.3/8 was written; masked to 10.0.0.0/8 as iptables does
};
Result<ParsedCidr> parse_cidr(std::string_view text);  // an address alone is a host range

std::string to_string(const Address& address);
std::string to_string(const SocketAddress& address);  // v6 in brackets
std::string to_string(const Cidr& cidr);
std::string to_string(const PortRange& range);

}  // namespace shunt::base
