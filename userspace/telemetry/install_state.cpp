// SPDX-License-Identifier: Apache-2.0
#include "telemetry/install_state.h"

#include <algorithm>
#include <set>

namespace shunt::telemetry {
namespace {

constexpr const char* kConnectTypes[] = {"cgroup_inet4_connect", "cgroup_inet6_connect"};
constexpr const char* kBindTypes[] = {"cgroup_inet4_bind", "cgroup_inet6_bind"};

template <std::size_t N>
bool is_any_of(const LinkState& link, const char* const (&types)[N]) {
    return std::find(std::begin(types), std::end(types), link.attach_type) != std::end(types);
}

bool is_connect(const LinkState& link) { return is_any_of(link, kConnectTypes); }

std::string exchanged(const LinkState& link) {
    return "link " + link.pin + " (" + link.attach_type + ") runs another program, " + link.intruder;
}

// A removed cgroup may have come back under its name, and then nothing is attached to the new one.
std::string missing(const LinkState& link) {
    return "link " + link.pin + " (" + link.attach_type + ") is detached" +
           (link.cgroup.empty() ? ": its cgroup was removed; a running controller captures a new one of that name"
                                : "");
}

// What is wrong so that a connection passes by unseen.
std::vector<std::string> holes(const Snapshot& snapshot) {
    std::vector<std::string> found;
    if (snapshot.generation == 0) found.emplace_back("no configuration is in force");
    std::set<std::string> captured;
    std::set<std::uint64_t> traces;  // also of cgroups that were removed
    for (const auto& link : snapshot.links) {
        // Both are on captured cgroups and nowhere else.
        const bool on_captured = is_connect(link) || is_any_of(link, kBindTypes);
        if (on_captured) traces.insert(link.cgroup_id);
        if (on_captured && link.attached) captured.insert(link.cgroup);
        if (!is_connect(link)) continue;
        if (!link.attached) found.push_back(missing(link));
        if (!link.intruder.empty()) found.push_back(exchanged(link));
    }
    if (std::none_of(snapshot.links.begin(), snapshot.links.end(), is_connect))
        found.emplace_back("no connect program is attached");
    // A pin that somebody removed leaves no trace of its own: each captured cgroup must have both families.
    for (const auto& cgroup : captured)
        for (const char* type : kConnectTypes)
            if (std::none_of(snapshot.links.begin(), snapshot.links.end(),
                             [&](const auto& link) { return link.cgroup == cgroup && link.attach_type == type; }))
                found.push_back("cgroup " + cgroup + " has no " + type + " link");
    // Without a controller, whose descriptors would keep them, links go with their pins.
    if (traces.size() < snapshot.captured)
        found.push_back("of " + std::to_string(snapshot.captured) + " captured cgroups " +
                        std::to_string(snapshot.captured - traces.size()) +
                        " have no link any more; 'shunt doctor -c FILE' names them");
    return found;
}

}  // namespace

std::string to_string(State state) {
    switch (state) {
        case State::kNotInstalled: return "not-installed";
        case State::kUnprotected: return "unprotected";
        case State::kDegraded: return "degraded";
        case State::kProtected: return "protected";
    }
    return "unknown";
}

Judgement judge(const Snapshot& snapshot) {
    if (!snapshot.installed) return {State::kNotInstalled, {"nothing is pinned"}};
    if (auto found = holes(snapshot); !found.empty()) return {State::kUnprotected, std::move(found)};
    Judgement judgement{State::kProtected, {}};
    for (const auto& link : snapshot.links)
        if (!link.attached)
            judgement.why.push_back(missing(link));
        else if (!link.intruder.empty())
            judgement.why.push_back(exchanged(link));
    if (std::none_of(snapshot.links.begin(), snapshot.links.end(),
                     [](const auto& link) { return link.attached && link.attach_type == "cgroup_getsockopt"; }))
        judgement.why.emplace_back("no getsockopt program is attached: SO_ORIGINAL_DST is not answered");
    if (!judgement.why.empty()) judgement.state = State::kDegraded;
    return judgement;
}

}  // namespace shunt::telemetry
