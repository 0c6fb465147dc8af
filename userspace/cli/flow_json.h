// SPDX-License-Identifier: Apache-2.0
// A flow to be explained, as it is written on the command line or as a line of JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/explain.h"

namespace shunt::cli {

// As written; nothing is checked yet.
struct FlowText {
    std::string destination;            // 10.0.3.29:9080; a destination in brackets is dialled by an AF_INET6 socket
    std::optional<std::string> source;  // 192.0.2.1:0, where the application bound its socket
    std::optional<std::string> family;  // inet or inet6: that of the socket
    std::optional<std::string> host;    // the Host header that the proxy will see: reviews, reviews:9080
    std::string as = "application";     // or proxy
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mark = 0;
    bool udp = false;
    bool bound_to_device = false;
    std::vector<std::string> own;
    std::string cgroup;  // of the process; empty: none that a scope names
};

// Whose settings govern a flow.
struct ScopeRef {
    std::uint64_t id = 0;              // key in policy::Tables::scopes; 0: the base scope
    std::optional<std::size_t> index;  // in model::Mesh::scopes
};

// {"dst":"10.0.3.29:9080","uid":1000,"gid":1000,"own":["10.0.3.7"]}; unknown keys are errors.
base::Result<FlowText> parse_flow_line(const std::string& line);

// `tables` tell how a proxy is recognised where text.as says that it is one.
base::Result<policy::Flow> to_flow(const FlowText& text, const policy::Tables& tables, const ScopeRef& scope = {});

}  // namespace shunt::cli
