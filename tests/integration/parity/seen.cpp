// SPDX-License-Identifier: Apache-2.0
#include "parity/seen.h"

#include <sstream>

#include "harness/address.h"
#include "harness/sandbox.h"

namespace shunt::parity {

namespace {

using harness::SockAddr;

// "[2001:db8::1]:80" -> "2001:db8::1"
std::string without_port(const std::string& text) {
    auto ip = text.substr(0, text.rfind(':'));
    return ip.front() == '[' ? ip.substr(1, ip.size() - 2) : ip;
}

std::string normal(const Flow& flow) {
    return harness::to_text(harness::for_family(harness::parse(flow.dial.destination), flow.dial.family));
}

// Where the kernel takes a connection to 0.0.0.0 or ::.
std::string reached(const Flow& flow) {
    const auto text = normal(flow);
    if (text.rfind("0.0.0.0:", 0) == 0) return "127.0.0.1" + text.substr(7);
    return text.rfind("[::]:", 0) == 0 ? "[::1]" + text.substr(4) : text;
}

}  // namespace

std::string dialled_ip(const Flow& flow) {
    const auto ip = without_port(flow.dial.destination);
    return ip.substr(0, ip.find('%'));
}

bool is_loopback(const std::string& ip) {
    return ip.rfind("127.", 0) == 0 || ip == "::1" || ip == "0.0.0.0" || ip == "::";
}

bool is_own(const std::string& ip) {
    return is_loopback(ip) || ip == harness::kClientV4 || ip == harness::kClientV6 || ip == harness::kClientLinkLocal ||
           ip == "::6";
}

Seen seen(const Flow& flow, const harness::Outcome& outcome, bool with_source) {
    if (outcome.error != 0) return {.kind = "error", .text = harness::error_name(outcome.error)};
    std::istringstream words(outcome.line);
    std::string kind, destination, word, source, local;
    words >> kind >> destination >> word >> source >> word >> local;
    if (source.empty()) return {.kind = "error", .text = "no line: '" + outcome.line + "'"};
    Seen result{.kind = kind, .text = kind + " " + destination + " getpeername " + outcome.peer};
    if (kind == "proxy" && local == reached(flow)) {
        result = {.kind = "listener", .text = "listener getpeername " + outcome.peer, .told = destination};
    } else if (kind == "inbound" && destination == reached(flow) && flow.dial.destination.ends_with(":15006")) {
        result.kind = "local";
    }
    if (kind != "proxy" || with_source) {
        result.source = without_port(source);
        const auto name = without_port(outcome.local);
        if (name != result.source) result.source += ", getsockname " + name;
        result.true_port = source == outcome.local;
    }
    return result;
}

namespace {

// Local behind iptables, captured by shunt.
bool own_taken_for_remote(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return iptables.kind == "local" && shunt.kind == "proxy" && !is_loopback(dialled_ip(flow));
}

bool from(const Flow& flow, const char* beginning) { return flow.dial.source.rfind(beginning, 0) == 0; }

bool bound_device(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return !flow.dial.device.empty() && iptables.text == "ETIMEDOUT" && shunt.text == "ECONNREFUSED";
}

bool link_local(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return flow.dial.destination.rfind("[fe80:", 0) == 0 && iptables.text == "ETIMEDOUT" && shunt.kind == "direct";
}

bool freebind(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return flow.dial.freebind && own_taken_for_remote(flow, iptables, shunt);
}

bool client_address(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return from(flow, "127.0.0.1:") && iptables.kind == "proxy" && iptables.text == shunt.text &&
           is_loopback(iptables.source) && shunt.source == harness::kClientV4;
}

bool forged(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return from(flow, "127.10.") && (iptables.kind == "listener" || iptables.kind == "proxy") &&
           shunt.text == "ECONNREFUSED";
}

bool encoded_source(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return from(flow, "127.10.") && iptables.kind == "proxy" && shunt.text == "EINVAL";
}

bool network_address(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return dialled_ip(flow).ends_with("127.0.0.0") && iptables.text == "ENETUNREACH" &&
           (shunt.kind == "proxy" || shunt.text == "ECONNREFUSED");
}

bool looping(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    return flow.dial.destination.ends_with(":15001") && is_loopback(dialled_ip(flow)) &&
           (iptables.kind == "listener" || iptables.kind == "inbound") && shunt.text == "ECONNREFUSED";
}

bool nobody_redirected(const Flow&, const Seen& iptables, const Seen& shunt) {
    return iptables.kind == "listener" && iptables.text == shunt.text && shunt.told.rfind("errno:", 0) == 0;
}

bool inbound(const Flow&, const Seen& iptables, const Seen& shunt) {
    return iptables.kind == "inbound" && (shunt.kind == "local" || shunt.kind == "listener");
}

}  // namespace

const std::vector<Difference>& differences() {
    static const std::vector<Difference> table{
        {"bound_device", "Socket bound to a device", bound_device},
        {"link_local", "Link-local IPv6 destination", link_local},
        {"freebind", "`IP_FREEBIND` or `IP_TRANSPARENT` socket dialling an address of its own host", freebind},
        {"client_address", "`clientAddress`, and a socket bound to 127.0.0.1", client_address},
        {"forged", "A process that dials the proxy's port with a made-up source", forged},
        {"encoded_source", "Socket bound to 127.A.B.C", encoded_source},
        {"network_address", "127.0.0.0 while 127/8 is included", network_address, true},
        {"looping", "The proxy dialling its own port on loopback", looping},
        {"nobody_redirected", "`SO_ORIGINAL_DST` of a connection that nobody redirected", nobody_redirected},
        {"inbound", "Inbound (15006)", inbound},
    };
    return table;
}

std::string explained_by(const Flow& flow, const Seen& iptables, const Seen& shunt) {
    for (const auto& difference : differences()) {
        if (difference.explains(flow, iptables, shunt)) return difference.name;
    }
    return {};
}

}  // namespace shunt::parity
