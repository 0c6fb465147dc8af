// SPDX-License-Identifier: Apache-2.0
// A proxy as its makers ship it, started in the sandbox's proxy cgroup, and what its own log says it was given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/child.h"
#include "harness/sandbox.h"

namespace shunt::peers {

enum class Kind { kEnvoy, kHaproxy, kSquid };

// One line of its log: "<listener> dst=<address> port=<port> src=<address and port>".
struct Seen {
    std::string listener;     // envoy: PassthroughCluster or 0.0.0.0_9080; haproxy; squid
    std::string destination;  // original destination as the proxy logs it: "198.51.100.10:8080", "[2001:db8::10]:8080"
    std::string source;
};

class RealProxy {
public:
    // Listens on 0.0.0.0:15001, or (dual) with one socket on [::]:15001 that takes IPv4 too.
    RealProxy(const harness::Sandbox& sandbox, Kind kind, bool dual);
    RealProxy(const RealProxy&) = delete;
    ~RealProxy();

    // Waits until the log has that many lines, or gives what there is after 5 s.
    std::vector<Seen> seen(std::size_t at_least = 0) const;
    std::string output() const;  // everything it printed, for failure messages

private:
    std::string log_path() const;
    std::vector<std::string> prepare(Kind kind, bool dual) const;  // writes the configuration; gives the command line
    void wait_until_listening() const;

    std::string directory_;  // /tmp/shunt-t-peers-*, owned by the user that Squid runs as
    bool own_log_ = false;   // Squid writes a log file; the others log to their standard output
    std::optional<harness::Child> child_;
};

}  // namespace shunt::peers
