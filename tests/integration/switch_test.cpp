// SPDX-License-Identifier: Apache-2.0
// Configurations switch as a whole: decisions that run while two of them alternate see one or the other, never a mix.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

const std::uint64_t kSwitches = scaled(1000, 50);
const std::uint64_t kDecisions = scaled(1'000'000, 5'000);

// Every entry differs between the two, and whatever takes one table from the one and another from the other ends with
// black_hole_cluster, which neither of them gives for these destinations:
//   10.1.1.1:80   A excludes the port, B the range        10.2.2.2:81   the reverse
//   10.3.3.3:82   A has a listener on the port, B on the address
std::string config(bool a) {
    const std::string range = a ? "10.2.0.0/16" : "10.1.0.0/16";
    const std::string port = a ? "80" : "81";
    const std::string listener =
        a ? "{ name: a, port: 82, cluster: a }" : "{ name: b, address: 10.3.3.3, port: 82, cluster: b }";
    return "proxy: { listen: 0.0.0.0:15001, identity: { cgroup: /mesh/proxy, uids: [" +
           std::string(a ? "7001" : "7002") +
           "] } }\n"
           "capture: { cgroups: [/mesh], excludeOutboundIPRanges: [" +
           range + "], excludeOutboundPorts: [" + port +
           "] }\n"
           "outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }\n"
           "listeners: [" +
           listener + "]\nclusters: [{ name: " + (a ? "a" : "b") + " }]\n";
}

// Dials until the other end of the control socket is gone. What becomes of a connection is the counters' business, so
// nobody waits for it.
void dial_on(int control) {
    const std::array<SockAddr, 3> destinations{parse("10.1.1.1:80"), parse("10.2.2.2:81"), parse("10.3.3.3:82")};
    send_text(control, "ready");
    for (std::uint64_t n = 0;; ++n) {
        if (n % 256 == 0) {
            char byte = 0;
            if (recv(control, &byte, 1, MSG_DONTWAIT) == 0) return;
        }
        const Fd fd(check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
        const linger reset{1, 0};
        check(setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
        const auto& to = destinations[n % 32 == 0 ? 2 : n % 2];
        (void)connect(fd.get(), to.get(), to.length);
    }
}

TEST(Switch, NeverAMix) {
    const Sandbox sandbox;
    const ProbeProxy proxy(sandbox);
    RunningShunt shunt(sandbox, config(true));
    std::vector<std::unique_ptr<Child>> diallers;
    for (int i = 0; i < 2; ++i) {
        diallers.push_back(std::make_unique<Child>(sandbox.app(), dial_on));
        ASSERT_EQ(receive_text(diallers.back()->control()), "ready");
    }
    std::uint64_t switches = 0;
    while (switches < kSwitches || shunt.counters().runs < kDecisions) {
        for (int i = 0; i < 50; ++i) shunt.reload(config(switches++ % 2 != 0));
    }
    diallers.clear();
    const auto counters = shunt.counters();
    EXPECT_EQ(counters.reasons.at("black_hole_cluster"), 0u) << to_text(counters.reasons);
    EXPECT_EQ(counters.reasons.at("internal_refuse"), 0u);
    for (const char* reason : {"excluded_port", "excluded_cidr", "listener", "port_listener"})
        EXPECT_GT(counters.reasons.at(reason), kDecisions / 1000) << reason;
    EXPECT_EQ(counters.sum_of_reasons(), counters.runs);
    RecordProperty("switches", std::to_string(switches));
    RecordProperty("decisions", std::to_string(counters.runs));
}

}  // namespace
}  // namespace shunt::harness
