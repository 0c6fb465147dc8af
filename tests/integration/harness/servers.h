// SPDX-License-Identifier: Apache-2.0
// The two ends a connection may reach, each of which says in one line what it is and what it saw.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/child.h"
#include "harness/sandbox.h"

namespace shunt::harness {

// Listens on all `ports` of 0.0.0.0 and [::], TCP, and answers each connection with
//   <word> <local address>:<port> from <peer>
class DirectServer {
public:
    DirectServer(const Placement& place, const std::vector<std::uint16_t>& ports, const std::string& word = "direct");
    DirectServer(const Sandbox& sandbox, const std::vector<std::uint16_t>& ports)
        : DirectServer(sandbox.server_side(), ports) {}

private:
    Child child_;
};

// How a proxy asks for the original destination.
enum class Ask {
    kByFamily,          // Envoy: SOL_IP on a v4 (or v4-mapped) local address, SOL_IPV6 on a v6 one
    kSolIp,             // HAProxy, redsocks, v2ray
    kSolIpv6ThenSolIp,  // shadowsocks, stunnel
};

struct ProbeOptions {
    // A v6 wildcard may be written "[::]:15001" (v6 only) or "dual:15001" (also takes v4).
    std::vector<std::string> listen = {"0.0.0.0:15001"};
    Ask ask = Ask::kByFamily;
    std::uint32_t buffer = 128;                 // the length given to getsockopt
    bool kernel_length = false;                 // an answer may leave that length as it is: conntrack's own does
    std::chrono::milliseconds accept_delay{0};  // before each accept()
    bool verify =
        false;          // the client sends "<destination>\n" first and is told "ok", "wrong <got>" or "missing <errno>"
    bool hold = false;  // with verify: they stay open after "ok", and what comes is sent back
    bool share_port = false;  // SO_REUSEPORT: several proxies, as an Envoy has several workers
};

// What it saw since it started. In verify mode a client that went away unread is `unread`; else `ok` stays 0.
struct ProbeCounts {
    std::uint64_t accepted = 0, ok = 0, wrong = 0, missing = 0, unread = 0;
    std::uint64_t held = 0;  // of `ok`, those still open
    std::string first_wrong;
    std::map<std::string, std::uint64_t> destinations;  // original destination -> connections; "-" where none
    std::map<std::string, std::uint64_t> peers;         // accept()'s peer address, without the port
};

// A proxy of one line, inside the sandbox's proxy cgroup. Without `verify` it answers each connection with
//   proxy <original destination or errno name> peer <accept()'s peer> local <getsockname>
class ProbeProxy {
public:
    explicit ProbeProxy(const Sandbox& sandbox, const ProbeOptions& options = {});
    ProbeProxy(const Placement& place, const ProbeOptions& options);

    ProbeCounts counts() const;
    void pause() const;  // no accept() until resume(): connections wait in the backlog
    void resume() const;
    void ask_as(Ask ask, std::uint32_t buffer) const;  // from the next connection on
    pid_t pid() const { return child_.pid(); }

private:
    Child child_;
};

}  // namespace shunt::harness
