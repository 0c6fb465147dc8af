// SPDX-License-Identifier: Apache-2.0
#include "bench/policy_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace shunt::bench {
namespace {

constexpr std::uint32_t kServices = 0x0a600000;  // 10.96/16 and what follows: addresses of services
constexpr std::uint32_t kExcluded = 0x0b000000;  // 11/8 and what follows, in ranges of 256 addresses
constexpr unsigned kFirstExcludedPort = 40000;
constexpr unsigned kFirstListenerPort = 1024, kListenerPorts = 8000;
constexpr unsigned kFirstPortListener = 10000, kMostPortListeners = 20000;

unsigned port_listeners(const PolicySize& size) { return std::min(size.listeners / 10, kMostPortListeners); }
// Those with an address: IPv4 and IPv6 by turns.
unsigned exact_listeners(const PolicySize& size) { return size.listeners - port_listeners(size); }

unsigned exact_port(unsigned index) { return kFirstListenerPort + index % kListenerPorts; }

base::Address service(Family family, std::uint32_t index) {
    if (family != Family::kV6) return base::Address::v4(kServices + 1 + index);
    base::Address address{};
    address.bytes = {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x96};
    for (unsigned i = 0; i < 4; ++i) address.bytes[15 - i] = static_cast<std::uint8_t>((index + 1) >> (8 * i));
    return address;
}

std::string excluded_v4(unsigned index) { return base::to_string(base::Address::v4(kExcluded + (index << 8))) + "/24"; }
std::string excluded_v6(unsigned index) {
    return fmt::format("2001:db8:{:x}:{:x}::/64", 0xe000 | index >> 16, index & 0xffff);
}

// splitmix64: neighbouring inputs give unrelated outputs.
std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15ull;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

}  // namespace

const char* to_string(Family family) {
    switch (family) {
        case Family::kV4: return "v4";
        case Family::kMapped: return "mapped";
        case Family::kV6: return "v6";
    }
    return "";
}

const char* to_string(Kind kind) {
    switch (kind) {
        case Kind::kMixed: return "mixed";
        case Kind::kRanges: return "ranges";
        case Kind::kPorts: return "ports";
        case Kind::kListeners: return "listeners";
    }
    return "";
}

// A range counts twice: IPv4 and IPv6.
PolicySize policy_of(unsigned entries, Kind kind) {
    switch (kind) {
        case Kind::kRanges: return {entries / 2, 0, 0};
        case Kind::kPorts: return {0, std::min(entries, kMostPorts), 0};
        case Kind::kListeners: return {0, 0, entries};
        case Kind::kMixed: break;
    }
    const unsigned ports = std::min(entries / 4, kMostPorts);
    return {entries / 4, ports, entries - 2 * (entries / 4) - ports};
}

unsigned entries_of(const PolicySize& size) { return 2 * size.cidrs + size.ports + size.listeners; }

IstioFlags istio_flags(const PolicySize& size) {
    IstioFlags flags{.inbound = true};
    for (unsigned i = 0; i < size.cidrs; ++i) {
        flags.exclude.push_back(excluded_v4(i));
        flags.exclude.push_back(excluded_v6(i));
    }
    for (unsigned i = 0; i < size.ports; ++i) flags.exclude_ports.push_back(std::to_string(kFirstExcludedPort + i));
    return flags;
}

std::string shunt_config(const PolicySize& size, const ShuntSettings& settings) {
    std::string text = fmt::format(
        "proxy:\n  listen: {}\n  identity: {{ cgroup: {} }}\n  lane: {}\n"
        "capture:\n  cgroups: [{}]\n  excludeOutboundIPRanges:",
        settings.v6 ? "[\"0.0.0.0:15001\", \"[::]:15001\"]" : "0.0.0.0:15001", settings.proxy_cgroup,
        settings.record ? "record" : "auto", settings.cgroup);
    if (size.cidrs == 0) text += " []";
    text += "\n";
    for (unsigned i = 0; i < size.cidrs; ++i)
        text += "    - " + excluded_v4(i) + "\n    - \"" + excluded_v6(i) + "\"\n";
    text += "  excludeOutboundPorts:";
    if (size.ports == 0) text += " []";
    text += "\n";
    for (unsigned i = 0; i < size.ports; ++i) text += fmt::format("    - {}\n", kFirstExcludedPort + i);
    if (size.listeners == 0) return text;
    text += "listeners:\n";
    for (unsigned i = 0; i < exact_listeners(size); ++i)
        text += fmt::format("  - {{ name: e{0}, address: \"{1}\", port: {2}, cluster: c }}\n", i,
                            base::to_string(service(i % 2 ? Family::kV6 : Family::kV4, i / 2)), exact_port(i / 2));
    for (unsigned i = 0; i < port_listeners(size); ++i)
        text +=
            fmt::format("  - {{ name: p{0}, address: 0.0.0.0, port: {1}, cluster: c }}\n", i, kFirstPortListener + i);
    return text + "clusters:\n  - { name: c, type: EDS, endpoints: [] }\n";
}

base::SocketAddress destination(const PolicySize& size, Family family, std::uint64_t seed, std::uint64_t n) {
    const auto random = mix(seed * 0x10001 + n);
    const unsigned exact = exact_listeners(size) / 2, by_port = port_listeners(size);
    if (exact + by_port == 0)
        return {service(family, static_cast<std::uint32_t>(random % 0x8000)),
                static_cast<std::uint16_t>(kFirstListenerPort + (random >> 32) % kListenerPorts)};
    const auto index = static_cast<unsigned>(random % (exact + by_port));
    if (index < exact) return {service(family, index), static_cast<std::uint16_t>(exact_port(index))};
    // The service behind a port listener has an address of its own, one of as many as there are listeners.
    return {service(family, static_cast<std::uint32_t>((random >> 32) % (exact + by_port))),
            static_cast<std::uint16_t>(kFirstPortListener + index - exact)};
}

}  // namespace shunt::bench
