// SPDX-License-Identifier: Apache-2.0
// The bind guard: while the proxy is down, nobody else in captured cgroups may take its port.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

constexpr int kMptcp = 262;

struct Listener {
    std::string address;  // "0.0.0.0", "::", "::ffff:127.0.0.1"
    std::uint16_t port = 15001;
    int type = SOCK_STREAM;
    int protocol = 0;
};

// "ok", or the errno's name, of bind().
std::string try_to_bind(const Placement& place, const Listener& what) {
    return run_in(place, [&]() -> std::string {
        const bool v6 = what.address.find(':') != std::string::npos;
        const Fd fd(socket(v6 ? AF_INET6 : AF_INET, what.type | SOCK_CLOEXEC, what.protocol));
        if (!fd && what.protocol == kMptcp) return "no MPTCP";
        check(fd.get(), "socket");
        sockaddr_storage address{};
        socklen_t size = 0;
        if (v6) {
            auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
            in6.sin6_family = AF_INET6;
            in6.sin6_port = htons(what.port);
            inet_pton(AF_INET6, what.address.c_str(), &in6.sin6_addr);
            size = sizeof in6;
        } else {
            auto& in = reinterpret_cast<sockaddr_in&>(address);
            in.sin_family = AF_INET;
            in.sin_port = htons(what.port);
            inet_pton(AF_INET, what.address.c_str(), &in.sin_addr);
            size = sizeof in;
        }
        return bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 ? "ok" : error_name(errno);
    });
}

std::string config(const std::string& identity, const std::string& more = {}) {
    return "proxy:\n  listen: [0.0.0.0:15001, \"[::]:15002\"]\n  identity: { " + identity + " }\n" + more +
           "capture:\n  cgroups: [/mesh]\n";
}

class Guard : public testing::Test {
protected:
    Placement app(std::uint32_t uid = 0, std::uint32_t gid = 0) const {
        auto place = sandbox_.app();
        place.uid = uid;
        place.gid = gid;
        return place;
    }
    const Sandbox sandbox_;
};

TEST_F(Guard, ACgroupIsTheProxyWhateverTheUser) {
    const RunningShunt shunt(sandbox_, config("cgroup: /mesh/proxy"));
    std::uint64_t refused = 0;
    for (const auto uid : {0u, 1000u, 1337u}) {
        for (const auto& address : {"0.0.0.0", "127.0.0.1", "127.9.0.80", "::", "::ffff:127.0.0.1"}) {
            EXPECT_EQ(try_to_bind(app(uid), {address}), "EPERM") << uid << " " << address;
            ++refused;
        }
        for (const auto& address : {"::", "::1"}) {
            EXPECT_EQ(try_to_bind(app(uid), {address, 15002}), "EPERM") << uid << " " << address;
            ++refused;
        }
    }
    EXPECT_EQ(shunt.counters().events.at("bind_refused"), refused);
    const auto mptcp = try_to_bind(app(), {"0.0.0.0", 15001, SOCK_STREAM, kMptcp});
    EXPECT_TRUE(mptcp == "EPERM" || mptcp == "no MPTCP") << mptcp;

    EXPECT_EQ(try_to_bind(app(), {"0.0.0.0", 15003}), "ok");
    EXPECT_EQ(try_to_bind(app(), {"0.0.0.0", 0}), "ok");
    EXPECT_EQ(try_to_bind(app(), {"0.0.0.0", 15001, SOCK_DGRAM}), "ok");
    for (const auto& address : {"0.0.0.0", "::"}) EXPECT_EQ(try_to_bind(sandbox_.proxy(), {address}), "ok") << address;
    EXPECT_EQ(try_to_bind(sandbox_.proxy(), {"::", 15002}), "ok");
    EXPECT_EQ(try_to_bind(sandbox_.client_side(), {"0.0.0.0"}), "ok") << "outside captured cgroups nobody asks";
}

TEST_F(Guard, UsersAndGroups) {
    RunningShunt shunt(sandbox_, config("uids: [1337]"));
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0"}), "EPERM");
    EXPECT_EQ(try_to_bind(app(1337), {"0.0.0.0"}), "ok");
    EXPECT_EQ(try_to_bind(app(0), {"0.0.0.0"}), "ok") << "HAProxy and Squid bind as root";
    shunt.reload(config("gids: [1337]"));
    EXPECT_EQ(try_to_bind(app(1000, 1000), {"::", 15002}), "EPERM");
    EXPECT_EQ(try_to_bind(app(1000, 1337), {"::", 15002}), "ok");
    EXPECT_EQ(shunt.counters().events.at("bind_refused"), 2u);
}

TEST_F(Guard, NotAskedForOrNotPossible) {
    RunningShunt shunt(sandbox_, config("cgroup: /mesh/proxy", "  bindGuard: false\n"));
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0"}), "ok");
    shunt.reload(config("mark: 0x539"));
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0"}), "ok") << "a listener need not carry the mark";
    shunt.reload(config("cgroup: /mesh/proxy"));
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0"}), "EPERM");
}

// In one network namespace, a workload may not take the port of another workload's proxy either.
TEST_F(Guard, TheProxyOfAnotherScope) {
    const RunningShunt shunt(sandbox_, config("cgroup: /mesh/proxy") +
                                           "scopes:\n- name: other\n  cgroups: [/mesh/app]\n  proxy:\n"
                                           "    listen: 0.0.0.0:16001\n    identity: { uids: [1337] }\n");
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0", 15001}), "EPERM");
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0", 16001}), "EPERM");
    EXPECT_EQ(try_to_bind(app(1337), {"0.0.0.0", 16001}), "ok");
    EXPECT_EQ(try_to_bind(sandbox_.proxy(), {"0.0.0.0", 15001}), "ok");
}

// Down and taken by nobody, connections are refused; the application that asks for the port gets none of them.
TEST_F(Guard, NobodyReceivesWhatIsMeantForTheProxy) {
    const RunningShunt shunt(sandbox_, config("cgroup: /mesh/proxy"));
    EXPECT_EQ(try_to_bind(app(1000), {"0.0.0.0"}), "EPERM");
    EXPECT_EQ(dial(sandbox_.app(), {.destination = "10.9.9.9:80"}).error, ECONNREFUSED);
    const ProbeProxy proxy(sandbox_);
    EXPECT_EQ(dial(sandbox_.app(), {.destination = "10.9.9.9:80"}).line.rfind("proxy 10.9.9.9:80 ", 0), 0u);
}

}  // namespace
}  // namespace shunt::harness
