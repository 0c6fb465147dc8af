// SPDX-License-Identifier: Apache-2.0
#include "policy/port_lines.h"

#include "lib/bytes.h"

namespace shunt::policy {
namespace {

void set(PortLines& lines, std::uint16_t port_be, shunt_port_bit bit) {
    const auto port = shunt_swap16(port_be);
    lines[port / SHUNT_PORTS_A_LINE].bits[port % SHUNT_PORTS_A_LINE] |= static_cast<std::uint8_t>(bit);
}

// :: stands for "any address", as the programs see it (bpf/lib/env.h).
bool any_address(const shunt_ip& ip) {
    return (ip.words_be[0] | ip.words_be[1] | ip.words_be[2] | ip.words_be[3]) == 0;
}

}  // namespace

PortLines port_lines(const PortTable& ports, const ListenerTable& listeners) {
    PortLines lines{};
    for (const auto& [key, rule] : ports) set(lines, key.port_be, SHUNT_PORT_RULE);
    for (const auto& [key, listener] : listeners)
        set(lines, key.port_be, any_address(key.addr) ? SHUNT_PORT_ANY_LISTENER : SHUNT_PORT_LISTENER);
    return lines;
}

}  // namespace shunt::policy
