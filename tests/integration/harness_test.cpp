// SPDX-License-Identifier: Apache-2.0
// The harness itself, without shunt: everything goes direct, the proxy has nothing to tell, nothing stays behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "harness/dial.h"
#include "harness/dialer.h"
#include "harness/sandbox.h"
#include "harness/servers.h"

namespace shunt::harness {
namespace {

bool exists_any(const std::string& name) {
    for (const auto& path : {"/run/" + name, "/run/" + name + ".lock", "/run/netns/" + name + "-c",
                             "/run/netns/" + name + "-s", cgroup2_mount() + "/" + name}) {
        if (std::filesystem::exists(path)) return true;
    }
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        if (line.find(name) != std::string::npos) return true;
    }
    return false;
}

struct Direct {
    const char* destination;
    Family family;
    const char* local;  // as the server sees it
    const char* from;
};

TEST(Harness, AnyDestinationIsAnsweredByTheServer) {
    const Sandbox sandbox;
    const DirectServer server(sandbox, {80, 9080, 65535});
    const Direct cases[] = {
        {"198.51.100.7:80", Family::kV4, "198.51.100.7:80", kClientV4},
        {"203.0.113.255:65535", Family::kV4, "203.0.113.255:65535", kClientV4},
        {"10.96.7.7:9080", Family::kMapped, "10.96.7.7:9080", kClientV4},
        {"192.0.2.1:80", Family::kV4, "192.0.2.1:80", kClientV4},
        {"[2001:db8:1::7]:9080", Family::kV6, "[2001:db8:1::7]:9080", kClientV6},
        {"[fe80::1%eth0]:80", Family::kV6, "[fe80::1]:80", kClientLinkLocal},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.destination);
        const auto outcome = dial(sandbox.app(), {.destination = c.destination, .family = c.family});
        EXPECT_EQ(outcome.error, 0) << to_text(outcome);
        EXPECT_EQ(outcome.line.rfind(std::string("direct ") + c.local + " from ", 0), 0u) << to_text(outcome);
        EXPECT_NE(outcome.line.find(c.from), std::string::npos) << to_text(outcome);
        EXPECT_EQ(outcome.peer, c.local);
    }
}

TEST(Harness, KernelErrorsComeThrough) {
    const Sandbox sandbox;
    EXPECT_EQ(dial(sandbox.app(), {.destination = "198.51.100.7:81"}).error, ECONNREFUSED);
    EXPECT_EQ(dial(sandbox.app(), {.destination = "224.0.0.1:80"}).error, ENETUNREACH);
    EXPECT_EQ(dial(sandbox.app(), {.destination = "255.255.255.255:80"}).error, ENETUNREACH);
    EXPECT_EQ(dial(sandbox.app(), {.destination = "127.0.0.1:81", .nonblocking = true}).error, ECONNREFUSED);
    EXPECT_EQ(dial(sandbox.app(), {.destination = "198.51.100.7:80", .source = "203.0.113.9:0"}).error, EADDRNOTAVAIL);
}

TEST(Harness, PlaceAndIdentityOfTheClient) {
    const Sandbox sandbox;
    auto place = sandbox.app();
    place.uid = 1000;
    place.gid = 2000;
    const auto seen = run_in(place, [] {
        std::string text = std::to_string(getuid()) + " " + std::to_string(getegid());
        std::ifstream cgroups("/proc/self/cgroup");
        for (std::string line; std::getline(cgroups, line);) {
            if (line.rfind("0::", 0) == 0) text += " " + line;
        }
        const Fd fd(open_socket({.destination = "198.51.100.7:80", .mark = 0x539}));
        return text + (fd ? " marked" : " not marked");
    });
    EXPECT_EQ(seen, "1000 2000 0::/" + sandbox.name() + "/app marked");
    place.privileged = false;
    EXPECT_EQ(run_in(place, [] { return std::string(setuid(0) == 0 ? "root again" : "no way back"); }), "no way back");
}

TEST(Harness, BoundSource) {
    const Sandbox sandbox;
    const DirectServer server(sandbox, {80});
    const auto outcome = dial(sandbox.app(), {.destination = "198.51.100.7:80", .source = "192.0.2.2:4321"});
    EXPECT_EQ(outcome.line, "direct 198.51.100.7:80 from 192.0.2.2:4321");
    EXPECT_EQ(outcome.local, "192.0.2.2:4321");
}

TEST(Harness, ProxyWithoutShuntHasNoOriginalDestination) {
    const Sandbox sandbox;
    for (const auto ask : {Ask::kByFamily, Ask::kSolIp, Ask::kSolIpv6ThenSolIp}) {
        const ProbeProxy proxy(sandbox, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .ask = ask});
        for (const auto* to : {"127.0.0.1:15001", "[::1]:15001"}) {
            const auto outcome =
                dial(sandbox.app(), {.destination = to, .family = to[0] == '[' ? Family::kV6 : Family::kV4});
            EXPECT_EQ(outcome.line.rfind("proxy errno:", 0), 0u) << to_text(outcome);
        }
        EXPECT_EQ(proxy.counts().missing, 2u);
        EXPECT_EQ(proxy.counts().destinations, (std::map<std::string, std::uint64_t>{{"-", 2}}));
    }
}

TEST(Harness, ProxyInTheBacklog) {
    const Sandbox sandbox;
    const ProbeProxy proxy(sandbox, {.listen = {"dual:15001"}});
    proxy.pause();
    Dialer dialer(sandbox.app());
    EXPECT_EQ(dialer.run({.destinations = {"127.0.0.1:15001"}, .count = 100, .verify = false}).connected, 100u);
    EXPECT_EQ(proxy.counts().accepted, 0u);
    proxy.resume();
    for (int i = 0; i < 500 && proxy.counts().accepted < 100; ++i) usleep(2000);
    EXPECT_EQ(proxy.counts().accepted, 100u);
}

// What a token means: without redirection it can only be missing, so `ok` cannot come from the harness itself.
TEST(Harness, VerifyingProxyCanSayNo) {
    const Sandbox sandbox;
    const ProbeProxy proxy(sandbox, {.verify = true});
    const auto result = run_in_parallel(sandbox.app(), {.destinations = {"127.0.0.1:15001"}, .count = 400}, 2);
    EXPECT_EQ(result.missing, 400u) << to_text(result);
    EXPECT_EQ(result.ok, 0u);
    EXPECT_EQ(proxy.counts().missing, 400u);
}

TEST(Harness, TwoSandboxesHaveEqualAddresses) {
    const Sandbox one(current_test_name() + "-1"), two(current_test_name() + "-2");
    const DirectServer first(one.server_side(), {80}, "one"), second(two.server_side(), {80}, "two");
    const Dial to{.destination = "198.51.100.7:80", .source = "192.0.2.2:4321"};
    EXPECT_EQ(dial(one.app(), to).line, "one 198.51.100.7:80 from 192.0.2.2:4321");
    EXPECT_EQ(dial(two.app(), to).line, "two 198.51.100.7:80 from 192.0.2.2:4321");
}

TEST(Harness, NothingIsLeft) {
    {
        const Sandbox sandbox("harness-left");
        EXPECT_TRUE(exists_any("shunt-t-harness-left"));
        const DirectServer server(sandbox, {80});
        const ProbeProxy proxy(sandbox);
    }
    EXPECT_FALSE(exists_any("shunt-t-harness-left"));
}

TEST(Harness, AKilledRunIsCleanedUpByTheNext) {
    const auto pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        const Sandbox sandbox("harness-killed");
        const DirectServer server(sandbox, {80});
        const ProbeProxy proxy(sandbox);
        ::kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(exists_any("shunt-t-harness-killed"));
    { const Sandbox again("harness-killed"); }
    EXPECT_FALSE(exists_any("shunt-t-harness-killed"));
}

// With signal 0, which does nothing even where this guard is missing.
TEST(Harness, NobodyIsNotEverybody) {
    EXPECT_THROW(signal_process(-1, 0), std::runtime_error);
    EXPECT_THROW(signal_process(0, 0), std::runtime_error);
    EXPECT_NO_THROW(signal_process(getpid(), 0));
}

TEST(Harness, SandboxesAreCheap) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) const Sandbox sandbox;
    const auto each = (std::chrono::steady_clock::now() - start) / 5;
    RecordProperty("milliseconds",
                   static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(each).count()));
    EXPECT_LT(each, std::chrono::milliseconds(500));  // about 40 alone; the bound allows for a loaded machine
}

}  // namespace
}  // namespace shunt::harness
