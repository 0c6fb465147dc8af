// SPDX-License-Identifier: Apache-2.0
// What the edge tests share: a world with shunt in it, once for each lane and each way to dial.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "harness/dial.h"
#include "harness/dialer.h"
#include "harness/error.h"
#include "harness/sandbox.h"
#include "harness/scale.h"
#include "harness/servers.h"
#include "harness/shunt.h"

namespace shunt::harness {

struct Way {
    std::string lane;  // the setting: auto or record
    Family family;
};

// IPv6 always takes the record lane, so lane: record adds nothing for it.
inline const std::vector<Way> kWays{{"auto", Family::kV4},
                                    {"auto", Family::kMapped},
                                    {"auto", Family::kV6},
                                    {"record", Family::kV4},
                                    {"record", Family::kMapped}};

inline void PrintTo(const Way& way, std::ostream* out) { *out << "lane: " << way.lane; }

inline std::string name_of(const testing::TestParamInfo<Way>& info) {
    const char* family[] = {"v4", "v6", "mapped"};
    return info.param.lane + "_" + family[static_cast<int>(info.param.family)];
}

inline std::string edge_config(const std::string& lane, const std::string& more = {}) {
    return "proxy:\n"
           "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
           "  identity: { cgroup: /mesh/proxy }\n"
           "  lane: " +
           lane +
           "\n"
           "capture:\n"
           "  cgroups: [/mesh]\n"
           "  excludeOutboundIPRanges: [198.51.100.0/24, \"2001:db8:1::/48\"]\n" +
           more;
}

// One sandbox, its servers and one shunt for all edge tests of a process. With ctest that is one test; in a guest of
// vmtest, where starting shunt takes 7 s of an emulated processor, it is all of them, one reload after the other.
class World {
public:
    static World& get() {
        if (!here_) here_ = std::make_unique<World>();
        return *here_;
    }
    static void remove() { here_.reset(); }

    RunningShunt& run_shunt(const std::string& config) {
        if (!shunt_) {
            shunt_ = std::make_unique<RunningShunt>(sandbox, config);
        } else if (config != config_) {
            shunt_->reload(config);
        }
        config_ = config;
        return *shunt_;
    }
    const std::string& second_client_netns() {
        if (second_netns_.empty()) second_netns_ = sandbox.second_client_netns();
        return second_netns_;
    }

    const Sandbox sandbox;
    const DirectServer server{sandbox, {80, 9080}}, local{sandbox.client_side(), {80, 9080}, "local"};
    Callers callers;

private:
    static inline std::unique_ptr<World> here_;
    std::unique_ptr<RunningShunt> shunt_;
    std::string config_, second_netns_;
};

// After the last test, while gtest still takes failures.
class WorldsEnd : public testing::Environment {
public:
    void TearDown() override { World::remove(); }
};
inline const auto* const kWorldsEnd = testing::AddGlobalTestEnvironment(new WorldsEnd);

class Edge : public testing::TestWithParam<Way> {
protected:
    explicit Edge(const std::string& more_config = {}, const ProbeOptions& options = kBothFamilies)
        : proxy_(sandbox_, options), shunt_(World::get().run_shunt(edge_config(GetParam().lane, more_config))) {}

    static inline const ProbeOptions kBothFamilies{.listen = {"0.0.0.0:15001", "[::]:15001"}};

    bool v6() const { return GetParam().family == Family::kV6; }
    Family family() const { return GetParam().family; }
    std::string first() const { return v6() ? "[2001:db8:9::9]:80" : "10.9.9.9:80"; }
    std::string second() const { return v6() ? "[2001:db8:7::5]:9080" : "203.0.113.5:9080"; }
    std::string excluded() const { return v6() ? "[2001:db8:1::7]:80" : "198.51.100.7:80"; }
    std::string own_ip() const { return v6() ? "[" + std::string(kClientV6) + "]" : kClientV4; }
    std::string any_ip() const { return v6() ? "[::]" : "0.0.0.0"; }
    std::string loopback_ip() const { return v6() ? "[::1]" : "127.0.0.1"; }
    Dial to(const std::string& destination) const { return {.destination = destination, .family = family()}; }

    Outcome from_app(const Dial& what) const { return World::get().callers.dial(sandbox_.app(), what); }
    // The same from outside the captured cgroup: what the kernel does without shunt.
    Outcome uncovered(const Dial& what) const { return World::get().callers.dial(sandbox_.client_side(), what); }

    static void expect_proxied(const Outcome& outcome, const std::string& destination) {
        EXPECT_EQ(outcome.line.rfind("proxy " + destination + " peer ", 0), 0u) << to_text(outcome);
        EXPECT_EQ(outcome.peer, destination) << "getpeername";
    }
    static void expect_direct(const Outcome& outcome, const std::string& destination, const std::string& from_ip) {
        EXPECT_EQ(outcome.line.rfind("direct " + destination + " from " + from_ip + ":", 0), 0u) << to_text(outcome);
        EXPECT_EQ(outcome.peer, destination) << "getpeername";
    }

    const Sandbox& sandbox_ = World::get().sandbox;
    const ProbeProxy proxy_;
    RunningShunt& shunt_;
};

// Several connections on one socket, in one process: a script whose words come out as lines.
class Script {
public:
    explicit Script(const Dial& dial) : dial_(dial), fd_(check(open_socket(dial), "socket")) {}

    int fd() const { return fd_.get(); }
    int connect_to(const std::string& destination) {
        dial_.destination = destination;
        return connect_socket(fd_.get(), dial_);
    }
    // Connects, and says what came of it: "0 <line> | <getpeername> | <getsockname>" or an errno's name.
    void step(const std::string& destination) {
        const auto outcome = talk(fd_.get(), dial_, connect_to(destination));
        add(outcome.error != 0 ? error_name(outcome.error) : outcome.line + " | " + outcome.peer);
    }
    void disconnect() {
        const sockaddr unspecified{};  // AF_UNSPEC
        add(connect(fd_.get(), &unspecified, sizeof unspecified) == 0 ? "disconnected" : error_name(errno));
    }
    void add(const std::string& text) { text_ += text + "\n"; }
    const std::string& text() const { return text_; }

private:
    Dial dial_;
    Fd fd_;
    std::string text_;
};

}  // namespace shunt::harness
