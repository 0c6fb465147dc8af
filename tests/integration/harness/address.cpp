// SPDX-License-Identifier: Apache-2.0
#include "harness/address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <cstring>
#include <stdexcept>

namespace shunt::harness {

namespace {

sockaddr_in& in4(SockAddr& address) { return reinterpret_cast<sockaddr_in&>(address.storage); }
sockaddr_in6& in6(SockAddr& address) { return reinterpret_cast<sockaddr_in6&>(address.storage); }
const sockaddr_in& in4(const SockAddr& address) { return reinterpret_cast<const sockaddr_in&>(address.storage); }
const sockaddr_in6& in6(const SockAddr& address) { return reinterpret_cast<const sockaddr_in6&>(address.storage); }

[[noreturn]] void bad(const std::string& text) { throw std::runtime_error("not an address and port: " + text); }

}  // namespace

void SockAddr::set_port(unsigned port) {
    const auto be = htons(static_cast<std::uint16_t>(port));
    (family() == AF_INET ? in4(*this).sin_port : in6(*this).sin6_port) = be;
}

unsigned SockAddr::port() const { return ntohs(family() == AF_INET ? in4(*this).sin_port : in6(*this).sin6_port); }

SockAddr parse(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) bad(text);
    unsigned port = 0;
    const auto* end = text.data() + text.size();
    const auto number = std::from_chars(text.data() + colon + 1, end, port);
    if (number.ec != std::errc{} || number.ptr != end || port > 65535) bad(text);
    SockAddr result;
    if (text[0] != '[') {
        result.length = sizeof(sockaddr_in);
        result.storage.ss_family = AF_INET;
        if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &in4(result).sin_addr) != 1) bad(text);
    } else {
        if (text[colon - 1] != ']') bad(text);
        auto ip = text.substr(1, colon - 2);
        result.length = sizeof(sockaddr_in6);
        result.storage.ss_family = AF_INET6;
        if (const auto percent = ip.find('%'); percent != std::string::npos) {
            in6(result).sin6_scope_id = if_nametoindex(ip.substr(percent + 1).c_str());
            ip.resize(percent);
        }
        if (inet_pton(AF_INET6, ip.c_str(), &in6(result).sin6_addr) != 1) bad(text);
    }
    result.set_port(port);
    return result;
}

SockAddr mapped(const SockAddr& v4) {
    if (v4.family() != AF_INET) return v4;
    SockAddr result;
    result.length = sizeof(sockaddr_in6);
    result.storage.ss_family = AF_INET6;
    auto* bytes = in6(result).sin6_addr.s6_addr;
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, &in4(v4).sin_addr, 4);
    in6(result).sin6_port = in4(v4).sin_port;
    return result;
}

SockAddr for_family(const SockAddr& address, Family family) {
    return family == Family::kV4 ? address : mapped(address);
}

std::string ip_text(const SockAddr& address) {
    char buffer[INET6_ADDRSTRLEN] = "?";
    if (address.family() == AF_INET) {
        inet_ntop(AF_INET, &in4(address).sin_addr, buffer, sizeof buffer);
    } else if (address.family() == AF_INET6) {
        const auto& ip = in6(address).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&ip)) {
            inet_ntop(AF_INET, ip.s6_addr + 12, buffer, sizeof buffer);
        } else {
            inet_ntop(AF_INET6, &ip, buffer, sizeof buffer);
        }
    }
    return buffer;
}

std::string to_text(const SockAddr& address) {
    if (address.family() != AF_INET && address.family() != AF_INET6) return "-";
    const auto ip = ip_text(address);
    const auto port = std::to_string(address.port());
    return ip.find(':') == std::string::npos ? ip + ":" + port : "[" + ip + "]:" + port;
}

std::string peer_text(int fd) {
    SockAddr address;
    address.length = sizeof address.storage;
    return getpeername(fd, address.get(), &address.length) == 0 ? to_text(address) : "-";
}

std::string local_text(int fd) {
    SockAddr address;
    address.length = sizeof address.storage;
    return getsockname(fd, address.get(), &address.length) == 0 ? to_text(address) : "-";
}

}  // namespace shunt::harness
