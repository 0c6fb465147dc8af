// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/accounts.h"
#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

using model::Ipv6Mode;

// Host bits are masked as iptables masks them, and said.
std::optional<base::Cidr> read_cidr(Problems& problems, const Value& value, const std::string& expected) {
    const auto parsed = read_parsed(problems, value, expected, base::parse_cidr);
    if (!parsed) return std::nullopt;
    if (parsed->had_host_bits) {
        problems.warning(value.place(), base::quoted(value.node->text) +
                                            " has host bits, which are masked as by iptables; expected " +
                                            base::to_string(parsed->cidr));
    }
    return parsed->cidr;
}

void read_ranges(Problems& problems, const Value& value, model::RangeList& out) {
    const std::string expected = "an address range such as 10.0.0.0/8 or 2001:db8::/32, or \"*\"";
    out = {};
    Unique<std::string> unique(problems);
    for (const auto& item : read_list(problems, value, "a list of address ranges, [] or [\"*\"]")) {
        if (item.node->kind == Node::Kind::kScalar && item.node->text == "*") {
            if (!unique.add("*", item.place(), "\"*\"")) continue;
            out.all = true;
            out.all_place = item.place();
        } else if (const auto cidr = read_cidr(problems, item, expected)) {
            if (unique.add(base::to_string(*cidr), item.place(), base::to_string(*cidr)))
                out.ranges.push_back({*cidr, item.place()});
        }
    }
}

void read_ports(Problems& problems, const std::optional<Value>& value,
                std::vector<model::Placed<base::PortRange>>& out) {
    if (!value) return;
    Unique<base::PortRange> unique(problems);
    for (const auto& item : read_list(problems, *value, "a list of ports, such as [22, 8000-8010]")) {
        const auto range =
            read_parsed(problems, item, "a port or a range of ports (8000-8010)", base::parse_port_range);
        if (range && unique.add(*range, item.place(), base::to_string(*range))) out.push_back({*range, item.place()});
    }
}

// A number is taken as it is; a name is looked up on this machine, now.
std::optional<std::uint32_t> read_group(Problems& problems, const Value& value) {
    const std::string expected = "the name or number of a group";
    const auto text = read_text(problems, value, expected);
    if (!text) return std::nullopt;
    if (std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; }))
        return read_number(problems, value, 0, 0xfffffffe, "the number of a group, 0-4294967294");
    if (const auto gid = base::find_group(*text)) return gid;
    problems.error(value.place(),
                   "group " + base::quoted(*text) + " is not known on this machine; expected " + expected);
    return std::nullopt;
}

void read_groups(Problems& problems, const Value& value, bool star_allowed, bool& all,
                 std::vector<model::Placed<std::uint32_t>>& out) {
    const std::string expected = star_allowed ? "a list of groups, [] or [\"*\"]" : "a list of groups";
    Unique<std::string> unique(problems);
    all = false;
    for (const auto& item : read_list(problems, value, expected)) {
        if (item.node->kind == Node::Kind::kScalar && item.node->text == "*") {
            if (!star_allowed)
                problems.error(item.place(), "\"*\" would exclude everybody; expected the name or number of a group");
            else if (unique.add("*", item.place(), "\"*\""))
                all = true;
        } else if (const auto gid = read_group(problems, item)) {
            if (unique.add(std::to_string(*gid), item.place(), "group " + std::to_string(*gid)))
                out.push_back({*gid, item.place()});
        }
    }
}

void read_loopback(Problems& problems, const Value& value, model::Placed<base::Cidr>& out) {
    const auto cidr = read_cidr(problems, value, "an IPv4 range such as 127.0.0.1/32");
    if (!cidr) return;
    if (!cidr->is_v4()) {
        problems.error(value.place(), base::to_string(*cidr) + " is IPv6; expected an IPv4 range such as 127.0.0.1/32");
        return;
    }
    if (!cidr->address.is_loopback() || cidr->prefix < 8)
        problems.warning(value.place(),
                         base::to_string(*cidr) + " is not all loopback; expected a range within 127.0.0.0/8");
    out = {*cidr, value.place()};
}

void read_client_addresses(Problems& problems, const Value& value, model::Capture& capture) {
    for (const auto& item : read_list(problems, value, "a list of at most one IPv4 and one IPv6 address")) {
        const auto address = read_parsed(problems, item, "an IPv4 or IPv6 address", base::parse_address);
        if (!address || !check_unicast(problems, item.place(), *address, Unspecified::kRefused)) continue;
        auto& slot = address->is_v4() ? capture.client_address_v4 : capture.client_address_v6;
        if (slot) {
            problems.error(item.place(), base::to_string(*address) + " is a second " +
                                             (address->is_v4() ? "IPv4" : "IPv6") + " address besides " +
                                             base::to_string(slot->value) + "; expected one of each family at most");
            continue;
        }
        slot = model::Placed<base::Address>{*address, item.place()};
    }
}

}  // namespace

void set_capture_defaults(model::Capture& capture, const std::string& path) {
    capture.include_ranges.all = true;
    capture.include_ranges.all_place.path = path + ".includeOutboundIPRanges";
    capture.include_owner_groups.all = true;
    capture.loopback_v4 = {{base::Address::v4(0x7f000001), 32}, {0, 0, path + ".outboundIPv4LoopbackCIDR"}};
}

void read_cgroups(Problems& problems, const Value& value, std::vector<model::Placed<std::string>>& out) {
    const auto items = read_list(problems, value, "a list of cgroups, such as [/mesh]");
    if (value.node->kind == Node::Kind::kList && items.empty())
        problems.error(value.place(), "an empty list; expected at least one cgroup, such as /mesh");
    Unique<std::string> unique(problems);
    for (const auto& item : items) {
        auto path = read_cgroup(problems, item);
        if (path && unique.add(*path, item.place(), *path)) out.push_back({std::move(*path), item.place()});
    }
}

void read_capture(Problems& problems, const Value& value, model::Capture& capture, Notes& notes, CaptureOf of) {
    const auto keys = std::span(kCaptureKeys).subspan(of == CaptureOf::kScope ? 1 : 0);
    const MapReader map(problems, value, keys);
    const bool required = of == CaptureOf::kConfiguration;
    const auto cgroups = required ? map.require("cgroups", "a list of cgroups, such as [/mesh]") : map.get("cgroups");
    if (cgroups) read_cgroups(problems, *cgroups, capture.cgroups);
    if (const auto ranges = map.get("includeOutboundIPRanges")) {
        notes.include_ranges = ranges->place();
        read_ranges(problems, *ranges, capture.include_ranges);
    }
    if (const auto ranges = map.get("excludeOutboundIPRanges")) read_ranges(problems, *ranges, capture.exclude_ranges);
    read_ports(problems, map.get("includeOutboundPorts"), capture.include_ports);
    read_ports(problems, map.get("excludeOutboundPorts"), capture.exclude_ports);
    if (const auto groups = map.get("includeOutboundOwnerGroups")) {
        notes.include_owner_groups = groups->place();
        read_groups(problems, *groups, true, capture.include_owner_groups.all, capture.include_owner_groups.gids);
    }
    bool unused = false;
    if (const auto groups = map.get("excludeOutboundOwnerGroups"))
        read_groups(problems, *groups, false, unused, capture.exclude_owner_groups);
    if (const auto loopback = map.get("outboundIPv4LoopbackCIDR"))
        read_loopback(problems, *loopback, capture.loopback_v4);
    if (const auto ipv6 = map.get("ipv6")) {
        notes.ipv6 = ipv6->place();
        read_choice<Ipv6Mode>(problems, ipv6,
                              {{"auto", Ipv6Mode::kAuto},
                               {"capture", Ipv6Mode::kCapture},
                               {"bypass", Ipv6Mode::kBypass},
                               {"refuse", Ipv6Mode::kRefuse}},
                              capture.ipv6);
    }
    if (const auto addresses = map.get("clientAddress")) read_client_addresses(problems, *addresses, capture);
}

}  // namespace shunt::config
