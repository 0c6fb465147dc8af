// SPDX-License-Identifier: Apache-2.0
// The summary of all ports that the programs ask first (shunt_port_bits, abi.h).
#pragma once

#include <array>

#include "policy/tables.h"

namespace shunt::policy {

using PortLines = std::array<shunt_port_line, SHUNT_PORT_LINES>;

// What stands on each port, in any scope: every rule and every listener of the tables has its bit.
PortLines port_lines(const PortTable& ports, const ListenerTable& listeners);

}  // namespace shunt::policy
