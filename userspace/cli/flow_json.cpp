// SPDX-License-Identifier: Apache-2.0
#include "cli/flow_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace shunt::cli {
namespace {

using base::fail;
using nlohmann::json;

// Port 0 is a valid thing to ask about, and to bind to, though not to listen on.
base::Result<base::SocketAddress> parse_dialled(const std::string& text) {
    const bool zero = text.ends_with(":0");
    auto parsed = base::parse_socket_address(zero ? text.substr(0, text.size() - 1) + "1" : text);
    if (!parsed) return fail(base::quoted(text) + " is not address:port (10.0.3.29:9080, [2001:db8::1]:443)");
    if (zero) parsed->port = 0;
    return parsed;
}

std::string expected(const std::string& key, const std::string& what) { return "\"" + key + "\": expected " + what; }

base::Status read_number(const std::string& key, const json& value, std::uint32_t& number) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 0xffffffffu)
        return fail(expected(key, "a number of 32 bits"));
    number = value.get<std::uint32_t>();
    return {};
}

base::Status read_text(const std::string& key, const json& value, std::string& text) {
    if (!value.is_string()) return fail(expected(key, "a text"));
    text = value.get<std::string>();
    return {};
}

base::Status read_flag(const std::string& key, const json& value, bool& flag) {
    if (!value.is_boolean()) return fail(expected(key, "true or false"));
    flag = value.get<bool>();
    return {};
}

base::Status read_key(const std::string& key, const json& value, FlowText& flow) {
    if (key == "dst") return read_text(key, value, flow.destination);
    if (key == "source") return read_text(key, value, flow.source.emplace());
    if (key == "family") return read_text(key, value, flow.family.emplace());
    if (key == "host") return read_text(key, value, flow.host.emplace());
    if (key == "as") return read_text(key, value, flow.as);
    if (key == "cgroup") return read_text(key, value, flow.cgroup);
    if (key == "uid") return read_number(key, value, flow.uid);
    if (key == "gid") return read_number(key, value, flow.gid);
    if (key == "mark") return read_number(key, value, flow.mark);
    if (key == "udp") return read_flag(key, value, flow.udp);
    if (key == "boundToDevice") return read_flag(key, value, flow.bound_to_device);
    if (key == "own") {
        if (!value.is_array()) return fail(expected(key, "a list of addresses"));
        for (const auto& item : value)
            if (auto read = read_text(key, item, flow.own.emplace_back()); !read) return read;
        return {};
    }
    return fail("unknown key " + base::quoted(key) +
                base::did_you_mean(key, {"dst", "source", "family", "as", "uid", "gid", "mark", "udp", "boundToDevice",
                                         "own", "cgroup", "host"}));
}

// Makes the flow one of the proxy's, by the first of the identities that the tables know.
base::Status act_as_proxy(policy::Flow& flow, const policy::Tables& tables) {
    const auto& scope = tables.scope(flow.scope_id);
    if (scope.flags & SHUNT_SCOPE_PROXY_CGROUP) {
        flow.in_proxy_cgroup = true;
        return {};
    }
    if (scope.flags & SHUNT_SCOPE_PROXY_MARK) {
        flow.mark = scope.proxy_mark;
        return {};
    }
    for (const std::uint32_t kind : {SHUNT_OWNER_UID, SHUNT_OWNER_GID}) {
        const auto owner = std::find_if(tables.owners.begin(), tables.owners.end(), [&](const auto& entry) {
            return entry.first.set == scope.owners_set && entry.first.kind == kind &&
                   (entry.second.flags & SHUNT_OWNER_PROXY);
        });
        if (owner == tables.owners.end()) continue;
        (kind == SHUNT_OWNER_UID ? flow.uid : flow.gid) = owner->first.id;
        return {};
    }
    return fail("as proxy: the configuration gives the proxy no identity");
}

}  // namespace

base::Result<FlowText> parse_flow_line(const std::string& line) {
    const json parsed = json::parse(line, nullptr, false);
    if (!parsed.is_object()) return fail("not a JSON object: " + base::quoted(line));
    FlowText flow;
    for (const auto& [key, value] : parsed.items())
        if (auto read = read_key(key, value, flow); !read) return tl::unexpected<base::Error>(read.error());
    if (flow.destination.empty()) return fail("\"dst\" is missing");
    return flow;
}

base::Result<policy::Flow> to_flow(const FlowText& text, const policy::Tables& tables, const ScopeRef& scope) {
    policy::Flow flow;
    flow.scope_id = scope.id;
    flow.scope = scope.index;
    auto destination = parse_dialled(text.destination);
    if (!destination) return tl::unexpected<base::Error>(destination.error());
    flow.destination = *destination;
    flow.socket_v6 = text.destination.starts_with('[');
    if (text.family) {
        if (*text.family != "inet" && *text.family != "inet6")
            return fail("family: " + base::quoted(*text.family) + " is not inet or inet6");
        flow.socket_v6 = *text.family == "inet6";
        if (!flow.socket_v6 && !destination->address.is_v4())
            return fail("family: an inet socket cannot dial " + text.destination);
    }
    if (text.source) {
        auto source = parse_dialled(*text.source);
        if (!source) return base::wrap("source", source.error());
        flow.source = *source;
    }
    for (const auto& own : text.own) {
        auto address = base::parse_address(own);
        if (!address) return base::wrap("own", address.error());
        flow.own.push_back(*address);
    }
    flow.tcp = !text.udp;
    flow.uid = text.uid;
    flow.gid = text.gid;
    flow.mark = text.mark;
    flow.bound_to_device = text.bound_to_device;
    if (text.as == "proxy") {
        if (auto acted = act_as_proxy(flow, tables); !acted) return tl::unexpected<base::Error>(acted.error());
    } else if (text.as != "application") {
        return fail("as: " + base::quoted(text.as) + " is not application or proxy");
    }
    return flow;
}

}  // namespace shunt::cli
