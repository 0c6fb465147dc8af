// SPDX-License-Identifier: Apache-2.0
#include "harness/iptables.h"

#include <exception>

namespace shunt::harness {

void load_iptables(const Placement& place, bool v6, const std::string& rules) {
    const std::string tool = v6 ? "ip6tables" : "iptables";
    try {
        run_command(place, {tool + "-legacy-restore", "-w", "10"}, rules);
    } catch (const std::exception&) {
        run_command(place, {tool + "-nft-restore", "-w", "10"}, rules);
    }
}

void load_istio_inbound_chain(const Placement& place) {
    std::string rules =
        "*nat\n:ISTIO_INBOUND - [0:0]\n:ISTIO_IN_REDIRECT - [0:0]\n"
        "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports " +
        std::to_string(kIstioInboundPort) + "\n-A PREROUTING -p tcp -j ISTIO_INBOUND\n";
    for (const unsigned port : {15008u, kIstioOpenPort, 15021u, 15020u}) {
        rules += "-A ISTIO_INBOUND -p tcp --dport " + std::to_string(port) + " -j RETURN\n";
    }
    rules += "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT\nCOMMIT\n";
    for (const bool v6 : {false, true}) load_iptables(place, v6, rules);
}

}  // namespace shunt::harness
