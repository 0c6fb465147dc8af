// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "harness/child.h"

namespace shunt::harness {

// Gives `rules`, in the form of iptables-restore, to the kernel: by iptables-legacy where it has those tables, else by
// the one over nf_tables. They replace what the table had.
void load_iptables(const Placement& place, bool v6, const std::string& rules);

// What istio-iptables writes for incoming connections (-b "*", REDIRECT): all of them to port 15006, but for the
// proxy's own ports.
inline constexpr unsigned kIstioInboundPort = 15006, kIstioOpenPort = 15090;
void load_istio_inbound_chain(const Placement& place);

}  // namespace shunt::harness
