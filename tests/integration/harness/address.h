// SPDX-License-Identifier: Apache-2.0
// Socket addresses as text and as the kernel takes them. Independent of the code under test on purpose.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace shunt::harness {

// Which socket dials: AF_INET; AF_INET6 to a v6 address; AF_INET6 to ::ffff:a.b.c.d.
enum class Family { kV4, kV6, kMapped };

struct SockAddr {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
    void set_port(unsigned port);
    unsigned port() const;
};

// "192.0.2.1:80", "[2001:db8::1]:80", "[::ffff:192.0.2.1]:80", "[fe80::1%eth0]:80"; port 0 is allowed. The interface
// of a scope is looked up in the calling process's namespace. Throws on anything else.
SockAddr parse(const std::string& text);

// The same address for an AF_INET6 socket: v4 becomes ::ffff:a.b.c.d.
SockAddr mapped(const SockAddr& v4);
SockAddr for_family(const SockAddr& address, Family family);

// v4-mapped prints as the v4 address it means; v6 in brackets; no scope.
std::string to_text(const SockAddr& address);
std::string ip_text(const SockAddr& address);

std::string peer_text(int fd);   // getpeername, or "-"
std::string local_text(int fd);  // getsockname, or "-"

}  // namespace shunt::harness
