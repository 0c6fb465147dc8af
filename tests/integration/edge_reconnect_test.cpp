// SPDX-License-Identifier: Apache-2.0
// One socket, several connects: nothing of an earlier one may show in a later one.
#include <sstream>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

bool starts_with(const std::string& text, const std::string& begin) { return text.rfind(begin, 0) == 0; }
bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

class Reconnect : public Edge {
protected:
    std::vector<std::string> play(const Dial& socket, const std::function<void(Script&)>& steps) const {
        const auto text = run_in(sandbox_.app(), [&] {
            Script script(socket);
            steps(script);
            return script.text();
        });
        return lines_of(text);
    }
    void expect_proxied_line(const std::string& line, const std::string& destination) const {
        EXPECT_TRUE(starts_with(line, "proxy " + destination + " peer ")) << line;
        EXPECT_TRUE(ends_with(line, " | " + destination)) << line;
    }
    void expect_direct_line(const std::string& line, const std::string& destination) const {
        EXPECT_TRUE(starts_with(line, "direct " + destination + " from " + own_ip() + ":")) << line;
        EXPECT_TRUE(ends_with(line, " | " + destination)) << line;
    }
};

TEST_P(Reconnect, CapturedThenAnotherThenUncaptured) {
    for (const bool nonblocking : {false, true}) {
        SCOPED_TRACE(nonblocking ? "nonblocking" : "blocking");
        auto socket = to(first());
        socket.nonblocking = nonblocking;
        const auto lines = play(socket, [&](Script& script) {
            script.step(first());
            script.disconnect();
            script.step(second());
            script.disconnect();
            script.step(excluded());
            script.disconnect();
            script.step(first());
        });
        ASSERT_EQ(lines.size(), 7u);
        expect_proxied_line(lines[0], first());
        EXPECT_EQ(lines[1], "disconnected");
        expect_proxied_line(lines[2], second());
        EXPECT_EQ(lines[3], "disconnected");
        expect_direct_line(lines[4], excluded());
        EXPECT_EQ(lines[5], "disconnected");
        expect_proxied_line(lines[6], first());
    }
}

TEST_P(Reconnect, WhileConnectedNothingChanges) {
    const auto lines = play(to(first()), [&](Script& script) {
        script.add(error_name(script.connect_to(first())));
        script.add(error_name(script.connect_to(second())));
        script.add(error_name(script.connect_to(excluded())));
        script.add(peer_text(script.fd()));
    });
    EXPECT_EQ(lines, (std::vector<std::string>{"0", "EISCONN", "EISCONN", first()}));
}

TEST_P(Reconnect, AfterARefusalByTheDestination) {
    auto closed = excluded();
    closed.replace(closed.rfind(':'), std::string::npos, ":81");
    const auto lines = play(to(first()), [&](Script& script) {
        script.step(closed);
        script.step(first());
        script.disconnect();
        script.step(closed);
        script.step(excluded());
    });
    ASSERT_EQ(lines.size(), 5u);
    EXPECT_EQ(lines[0], "ECONNREFUSED");
    expect_proxied_line(lines[1], first());
    EXPECT_EQ(lines[3], "ECONNREFUSED");
    expect_direct_line(lines[4], excluded());
}

// The proxy's port loses its listener between two connects of one socket; what lies in between must be undone.
TEST_P(Reconnect, AfterARefusalBecauseTheProxyIsDown) {
    const ProbeProxy* proxy = &proxy_;
    const auto before = shunt_.counters();
    const auto lines = play(to(first()), [&](Script& script) {
        script.step(first());
        script.disconnect();
        signal_process(proxy->pid(), SIGKILL);
        for (int i = 0; i < 1000 && script.connect_to(first()) == 0; ++i) script.disconnect();
        script.add(error_name(script.connect_to(second())));
        script.step(excluded());
    });
    ASSERT_GE(lines.size(), 4u);
    expect_proxied_line(lines[0], first());
    EXPECT_EQ(lines[lines.size() - 2], "ECONNREFUSED");
    expect_direct_line(lines.back(), excluded());
    EXPECT_GE(shunt_.counters().since(before).reasons["proxy_down_refuse"], 1u);
}

TEST_P(Reconnect, ARefusedPolicyLeavesTheSocketUsable) {
    const auto lines = play(to(first()), [&](Script& script) {
        script.step(first());
        script.disconnect();
        script.add(setsockopt(script.fd(), SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4) == 0 ? "bound" : "not bound");
        script.step(second());    // refused: bound to a device
        script.step(excluded());  // and this one leaves through the device
    });
    ASSERT_EQ(lines.size(), 5u);
    // EPERM where the kernel cannot be told the errno (Bind.ToADevice).
    EXPECT_TRUE(lines[3] == "ECONNREFUSED" || lines[3] == "EPERM") << lines[3];
    expect_direct_line(lines[4], excluded());
}

INSTANTIATE_TEST_SUITE_P(Ways, Reconnect, testing::ValuesIn(kWays), name_of);

}  // namespace
}  // namespace shunt::harness
