// SPDX-License-Identifier: Apache-2.0
#include "sync/port_bits.h"

#include <cstring>
#include <string>

#include "kernel/map.h"

namespace shunt::sync {

base::Result<PortBits> PortBits::open(const Layout& layout) {
    auto map = kernel::Map<std::uint32_t, shunt_port_line>::open_pinned(layout.map("shunt_port_bits"));
    if (!map) return tl::unexpected(map.error());
    PortBits bits;
    for (auto& lines : bits.held_) lines = std::make_unique<policy::PortLines>();
    auto read = map->for_each_entry([&](std::uint32_t at, const shunt_port_line& line) {
        if (at < 2 * SHUNT_PORT_LINES) (*bits.held_[at / SHUNT_PORT_LINES])[at % SHUNT_PORT_LINES] = line;
    });
    if (!read) return tl::unexpected(read.error());
    return bits;
}

base::Status PortBits::write(const kernel::Object& object, unsigned bank, const policy::PortLines& wanted) {
    auto map = object.map("shunt_port_bits");
    if (!map) return tl::unexpected(map.error());
    auto& held = *held_[bank];
    for (std::uint32_t i = 0; i < SHUNT_PORT_LINES; ++i) {
        if (std::memcmp(&held[i], &wanted[i], sizeof wanted[i]) == 0) continue;
        const std::uint32_t at = bank * SHUNT_PORT_LINES + i;
        auto written = map->update(&at, &wanted[i], "ports from " + std::to_string(i * SHUNT_PORTS_A_LINE));
        if (!written) return written;
        held[i] = wanted[i];
    }
    return {};
}

}  // namespace shunt::sync
