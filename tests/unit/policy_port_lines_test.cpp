// SPDX-License-Identifier: Apache-2.0
// The summary of ports has to have a bit for everything in the tables: what is left out is never asked for.
#include "policy/port_lines.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shunt/slots.h"

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

unsigned class_of(const char* address) {
    const shunt_listener_words as{.key = listener(address, 0)};
    return shunt_port_class(as.words[0], as.words[1]);
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
    const std::map<unsigned, unsigned> expected{{22, SHUNT_PORT_RULE},
                                                {65535, SHUNT_PORT_RULE},
                                                {80, class_of("::ffff:10.0.0.1") | SHUNT_PORT_ANY_LISTENER},
                                                {81, class_of("2001:db8::1")},
                                                {1, SHUNT_PORT_ANY_LISTENER},
                                                {9080, class_of("::ffff:0.0.0.0")},
                                                {9081, class_of("::1")}};
    const auto lines = port_lines(ports, listeners);
    for (unsigned port = 0; port < 65536; ++port) {
        const auto found = expected.find(port);
        EXPECT_EQ(bits(lines, port), found == expected.end() ? 0 : found->second) << port;
    }
}

TEST(PortLines, EveryListenerOfAPortHasItsBit) {
    ListenerTable listeners;
    std::vector<std::string> addresses;
    for (int i = 0; i < 40; ++i) addresses.push_back("::ffff:10.96." + std::to_string(i) + ".7");
    for (int i = 0; i < 40; ++i) addresses.push_back("2001:db8::" + std::to_string(i) + ":1");
    for (const auto& address : addresses) listeners.append(listener(address.c_str(), 80), {.id = 1});
    listeners.finish();
    const auto lines = port_lines({}, listeners);
    for (const auto& address : addresses) EXPECT_TRUE(bits(lines, 80) & class_of(address.c_str())) << address;
    EXPECT_FALSE(bits(lines, 80) & (SHUNT_PORT_RULE | SHUNT_PORT_ANY_LISTENER));
}

// What a class is for: addresses that differ a little, in whichever part, seldom share one.
TEST(PortLines, ClassesAreSpread) {
    std::map<unsigned, int> last_byte, middle, v6_low, v6_high;
    for (int i = 0; i < 240; ++i) {
        const auto n = std::to_string(i);
        ++last_byte[class_of(("::ffff:10.96.0." + n).c_str())];
        ++middle[class_of(("::ffff:10." + n + ".0.1").c_str())];
        ++v6_low[class_of(("2001:db8::" + n).c_str())];
        ++v6_high[class_of(("2001:db8:" + n + "::1").c_str())];
    }
    for (const auto* spread : {&last_byte, &middle, &v6_low, &v6_high}) {
        EXPECT_GE(spread->size(), 28u);
        for (const auto& [bit, count] : *spread) {
            EXPECT_TRUE(bit >= SHUNT_PORT_FIRST_CLASS && (bit & (bit - 1)) == 0) << bit;
            EXPECT_LE(count, 24) << bit;  // 8 on average
        }
    }
}

TEST(PortLines, OfNothingAreEmpty) {
    const auto lines = port_lines({}, {});
    for (unsigned port = 0; port < 65536; ++port) EXPECT_EQ(bits(lines, port), 0u) << port;
}

}  // namespace
}  // namespace shunt::policy
