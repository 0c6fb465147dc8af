// SPDX-License-Identifier: Apache-2.0
// Include and exclude lists against each other: the same entry in both is a contradiction, an excluded part of a wider
// included range is the normal use, an included part of a wider excluded range never matches.
#include <algorithm>
#include <bitset>
#include <map>
#include <memory>

#include "config/sections.h"

namespace shunt::config {
namespace {

using Port = model::Placed<base::PortRange>;

// The range with one bit less, towards /0.
base::Cidr wider(base::Cidr cidr) {
    --cidr.prefix;
    const int bit = cidr.prefix + (cidr.is_v4() ? 96 : 0);
    cidr.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> (bit % 8)));
    return cidr;
}

bool crosses(const base::PortRange& a, const base::PortRange& b) {
    return (a.first < b.first && b.first <= a.last && a.last < b.last) ||
           (b.first < a.first && a.first <= b.last && b.last < a.last);
}

void check_range(Problems& problems, const model::Placed<base::Cidr>& range,
                 const std::map<base::Cidr, model::Place>& excluded) {
    base::Cidr cidr = range.value;
    if (const auto same = excluded.find(cidr); same != excluded.end()) {
        const auto& later = std::max(range.place, same->second, [](const auto& a, const auto& b) {
            return std::pair(a.line, a.column) < std::pair(b.line, b.column);
        });
        const auto& other = &later == &range.place ? same->second : range.place;
        problems.error(
            later, base::to_string(cidr) + " is in " + other.path + " too; expected it either included or excluded");
        return;
    }
    while (cidr.prefix > 0) {
        cidr = wider(cidr);
        const auto found = excluded.find(cidr);
        if (found == excluded.end()) continue;
        problems.warning(range.place, base::to_string(range.value) + " never matches, because " + found->second.path +
                                          " (" + base::to_string(cidr) +
                                          ") excludes all of it; expected a range outside");
        return;
    }
}

}  // namespace

void check_ranges(Problems& problems, const model::Capture& capture, const Notes& notes) {
    const auto& include = capture.include_ranges;
    const auto& exclude = capture.exclude_ranges;
    if (exclude.all && include.all && notes.include_ranges.line != 0)
        problems.error(exclude.all_place,
                       "\"*\" is in " + include.all_place.path + " too; expected it either included or excluded");
    else if (exclude.all)
        problems.warning(exclude.all_place,
                         "excludes every address, so that nothing is captured; expected some ranges");
    if (!include.all && include.ranges.empty() && capture.include_ports.empty() && notes.include_ranges.line != 0)
        problems.warning(notes.include_ranges,
                         "no range and no includeOutboundPorts, so that nothing is captured; expected one of them");
    std::map<base::Cidr, model::Place> excluded;
    for (const auto& range : exclude.ranges) excluded.emplace(range.value, range.place);
    for (const auto& range : include.ranges) check_range(problems, range, excluded);
}

void check_ports(Problems& problems, const model::Capture& capture) {
    std::map<base::PortRange, model::Place> exact;
    auto excluded = std::make_unique<std::bitset<65536>>();
    for (const auto& port : capture.exclude_ports) {
        exact.emplace(port.value, port.place);
        for (unsigned p = port.value.first; p <= port.value.last; ++p) excluded->set(p);
    }
    for (const Port& port : capture.include_ports) {
        const std::string shown = base::to_string(port.value);
        if (const auto same = exact.find(port.value); same != exact.end()) {
            const bool included_later =
                std::pair(port.place.line, port.place.column) > std::pair(same->second.line, same->second.column);
            const auto& [later, other] =
                included_later ? std::pair(port.place, same->second) : std::pair(same->second, port.place);
            problems.error(later, shown + " is in " + other.path + " too; expected it either included or excluded");
            continue;
        }
        bool all = true;
        for (unsigned p = port.value.first; p <= port.value.last && all; ++p) all = excluded->test(p);
        if (all) {
            problems.warning(port.place, shown +
                                             " never matches, because capture.excludeOutboundPorts excludes all of it; "
                                             "expected a port outside");
            continue;
        }
        const auto partly = std::find_if(capture.exclude_ports.begin(), capture.exclude_ports.end(),
                                         [&](const Port& other) { return crosses(port.value, other.value); });
        if (partly != capture.exclude_ports.end())
            problems.warning(port.place, shown + " is excluded in part by " + partly->place.path + " (" +
                                             base::to_string(partly->value) +
                                             "), which wins; expected ranges that do not cross");
    }
}

}  // namespace shunt::config
