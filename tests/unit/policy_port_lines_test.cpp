// SPDX-License-Identifier: Apache-2.0
// The summary of ports has to have a bit for everything in the tables: what is left out is never asked for.
#include "policy/port_lines.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>

namespace shunt::policy {
namespace {

unsigned bits(const PortLines& lines, unsigned port) {
    return lines.at(port / SHUNT_PORTS_A_LINE).bits[port % SHUNT_PORTS_A_LINE];
}

shunt_listener_key listener(const char* address, std::uint16_t port, std::uint32_t set = 0) {
    shunt_listener_key key{.port_be = htons(port), .set = set};
    EXPECT_EQ(inet_pton(AF_INET6, address, &key.addr), 1);
    return key;
}

TEST(PortLines, OneBitForEachKindOfEntry) {
    PortTable ports;
    ports.append({.set = 0, .port_be = htons(22)}, {SHUNT_PORT_EXCLUDED});
    ports.append({.set = 7, .port_be = htons(65535)}, {SHUNT_PORT_INCLUDED});
    ports.finish();
    ListenerTable listeners;
    listeners.append(listener("::ffff:10.0.0.1", 80), {.id = 1});
    listeners.append(listener("2001:db8::1", 81, 3), {.id = 2});
    listeners.append(listener("::", 80, 4), {.id = 3});
    listeners.append(listener("::", 1), {.id = 4});
    // Of a v4-mapped address only the last word can be 0: 0.0.0.0 as a listener's address is not "any".
    listeners.append(listener("::ffff:0.0.0.0", 9080), {.id = 5});
    listeners.append(listener("::1", 9081), {.id = 6});
    listeners.finish();
    const std::map<unsigned, unsigned> expected{
        {22, SHUNT_PORT_RULE},      {65535, SHUNT_PORT_RULE},     {80, SHUNT_PORT_LISTENER | SHUNT_PORT_ANY_LISTENER},
        {81, SHUNT_PORT_LISTENER},  {1, SHUNT_PORT_ANY_LISTENER}, {9080, SHUNT_PORT_LISTENER},
        {9081, SHUNT_PORT_LISTENER}};
    const auto lines = port_lines(ports, listeners);
    for (unsigned port = 0; port < 65536; ++port) {
        const auto found = expected.find(port);
        EXPECT_EQ(bits(lines, port), found == expected.end() ? 0 : found->second) << port;
    }
}

TEST(PortLines, OfNothingAreEmpty) {
    const auto lines = port_lines({}, {});
    for (unsigned port = 0; port < 65536; ++port) EXPECT_EQ(bits(lines, port), 0u) << port;
}

}  // namespace
}  // namespace shunt::policy
