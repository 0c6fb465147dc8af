// SPDX-License-Identifier: Apache-2.0
// Istio's chain for incoming connections stays with iptables, and with it conntrack and NAT, while shunt has taken over
// the outgoing ones. In a guest of vmtest all of edge_test can run beside that chain (SHUNT_TEST_INBOUND_CHAIN).
#include "edge_fixture.h"
#include "harness/iptables.h"

namespace shunt::harness {
namespace {

class Inbound : public Edge {
protected:
    Inbound() { load_istio_inbound_chain(sandbox_.client_side()); }

    Outcome from_outside(unsigned port) const {
        return World::get().callers.dial(sandbox_.server_side(), to(own_ip() + ":" + std::to_string(port)));
    }
    std::string port_of(unsigned port) const { return ":" + std::to_string(port); }

    const ProbeProxy inbound_{sandbox_,
                              {.listen = {"0.0.0.0" + port_of(kIstioInboundPort), "[::]" + port_of(kIstioInboundPort)},
                               .kernel_length = true}};
    const DirectServer open_{sandbox_.client_side(), {kIstioOpenPort}, "open"};
};

TEST_P(Inbound, BesideShunt) {
    expect_proxied(from_app(to(first())), first());
    expect_direct(from_app(to(excluded())), excluded(), own_ip());
    auto bound = to(second());
    bound.source = own_ip() + ":0";
    expect_proxied(from_app(bound), second());
    bound.source = any_ip() + ":4323";
    expect_proxied(from_app(bound), second());
    const auto outgoing = proxy_.counts();
    EXPECT_EQ(outgoing.missing, 0u);

    // Who comes from outside is sent to the other port, and the proxy there is told by conntrack where he wanted to go.
    const auto before = shunt_.counters();
    const auto in = from_outside(80);
    EXPECT_EQ(in.line.rfind("proxy " + own_ip() + ":80 peer ", 0), 0u) << to_text(in);
    EXPECT_EQ(inbound_.counts().accepted, 1u);
    EXPECT_EQ(to_text(shunt_.counters().since(before).events), "origdst_none=1");
    EXPECT_EQ(from_outside(kIstioOpenPort).line.rfind("open " + own_ip() + ":", 0), 0u);
    // Who dials that port itself gets it for an answer, which is worth a counter of its own: a proxy would dial itself.
    from_outside(kIstioInboundPort);
    EXPECT_EQ(to_text(shunt_.counters().since(before).events), "origdst_none=1 origdst_self=1");
    // An own address dialled from inside passes neither chain nor proxy.
    EXPECT_EQ(from_app(to(own_ip() + ":80")).line.rfind("local " + own_ip() + ":80 from ", 0), 0u);
    EXPECT_EQ(proxy_.counts().accepted, outgoing.accepted);
    EXPECT_EQ(inbound_.counts().accepted, 2u);
}

INSTANTIATE_TEST_SUITE_P(Ways, Inbound, testing::ValuesIn(kWays), name_of);

}  // namespace
}  // namespace shunt::harness
