// SPDX-License-Identifier: Apache-2.0
// What became of a flow, in a form that two network namespaces can be compared by.
#pragma once

#include <string>
#include <vector>

#include "parity/flows.h"

namespace shunt::parity {

struct Seen {
    // direct: the server out there; local: a server of the same namespace; proxy: redirected; listener: the proxy's
    // port, reached undiverted; inbound: redirected to the proxy's inbound port; error: connect() failed.
    std::string kind;
    std::string text;       // what the other end saw as the destination, and the client's getpeername; or the errno
    std::string source;     // what the other end saw as the source, and the client's getsockname where it is another
    std::string told;       // listener: what the proxy got as the original destination of what nobody redirected
    bool true_port = true;  // both ends of the connection name the same port as the client's
    bool same(const Seen& o) const { return kind == o.kind && text == o.text && source == o.source && told == o.told; }
};

// `with_source`: also the source of redirected connections.
Seen seen(const Flow& flow, const harness::Outcome& outcome, bool with_source);

bool is_own(const std::string& ip);       // of the client's namespace
bool is_loopback(const std::string& ip);  // 127/8, ::1 and the unspecified ones
std::string dialled_ip(const Flow& flow);

// A difference from iptables that is meant. Each stands in README's table, and has to occur.
struct Difference {
    std::string name;
    std::string readme;  // the beginning of its row there
    bool (*explains)(const Flow& flow, const Seen& iptables, const Seen& shunt);
    bool on_some_kernels = false;  // and need not occur on this one
};

const std::vector<Difference>& differences();

// The name of the difference that explains these two, or "".
std::string explained_by(const Flow& flow, const Seen& iptables, const Seen& shunt);

}  // namespace shunt::parity
