// SPDX-License-Identifier: Apache-2.0
// An ordinary HTTP server beyond the sandbox's veth pair, and curl as the ordinary client.
#pragma once

#include <string>
#include <vector>

#include "harness/child.h"
#include "harness/sandbox.h"

namespace shunt::peers {

// examples/quickstart/server.py: says at which address it was reached and which peer it saw.
class WebServer {
public:
    WebServer(const harness::Sandbox& sandbox, unsigned port);

private:
    harness::Child child_;
};

struct Fetched {
    std::string body;     // without the end of line
    std::string reached;  // where the server was reached: "198.51.100.10:8080"; empty: another answered
    std::string server_peer_port;
    std::string client_port;   // of the client's own socket
    std::string client_local;  // its getsockname, address
    std::string client_peer;   // its getpeername: "198.51.100.10:8080"
    bool direct() const { return !reached.empty() && server_peer_port == client_port; }
};

// One GET per URL (curl's own globs allowed), each over a connection of its own, by one curl in that place.
std::vector<Fetched> fetch(const harness::Placement& place, const std::vector<std::string>& urls);

}  // namespace shunt::peers
