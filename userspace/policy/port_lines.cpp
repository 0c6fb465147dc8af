// SPDX-License-Identifier: Apache-2.0
#include "policy/port_lines.h"

#include "lib/bytes.h"
#include "shunt/slots.h"

namespace shunt::policy {
namespace {

void set(PortLines& lines, std::uint16_t port_be, std::uint32_t bit) {
    const auto port = shunt_swap16(port_be);
    lines[port / SHUNT_PORTS_A_LINE].bits[port % SHUNT_PORTS_A_LINE] |= bit;
}

// :: stands for "any address", as the programs see it (bpf/lib/env.h).
std::uint32_t bit_of(const shunt_listener_key& key) {
    const shunt_listener_words as{.key = key};
    if ((as.words[0] | as.words[1]) == 0) return SHUNT_PORT_ANY_LISTENER;
    return shunt_port_class(as.words[0], as.words[1]);
}

}  // namespace

PortLines port_lines(const PortTable& ports, const ListenerTable& listeners) {
    PortLines lines{};
    for (const auto& [key, rule] : ports) set(lines, key.port_be, SHUNT_PORT_RULE);
    for (const auto& [key, listener] : listeners) set(lines, key.port_be, bit_of(key));
    return lines;
}

}  // namespace shunt::policy
