// SPDX-License-Identifier: Apache-2.0
// Whose connections are captured: cgroups, the proxy's identity, owner groups, and IPv6 against the proxy's listeners.
#include <map>

#include "config/sections.h"

namespace shunt::config {
namespace {

bool inside(const std::string& path, const std::string& parent) { return path.starts_with(parent + "/"); }

void check_identity(Problems& problems, const model::Proxy& proxy,
                    const std::vector<model::Placed<std::string>>& cgroups, const Notes& notes) {
    const auto& identity = proxy.identity;
    // Without a place the section is inherited, and was judged where it stands.
    const bool own = notes.identity.line != 0;
    if (own && !identity.cgroup && !identity.mark && identity.uids.empty() && identity.gids.empty())
        problems.warning(
            notes.identity,
            "no identity, so that the proxy's own connections are captured if it runs inside capture.cgroups; "
            "expected cgroup, mark, uids or gids");
    if (!identity.cgroup) return;
    for (const auto& cgroup : cgroups) {
        if (cgroup.value != identity.cgroup->value && !inside(cgroup.value, identity.cgroup->value)) continue;
        problems.error(identity.cgroup->place,
                       identity.cgroup->value + " holds all of " + cgroup.place.path + " (" + cgroup.value +
                           "), so that everything would be the proxy's own; expected a cgroup for "
                           "the proxy alone");
    }
}

void check_owner_groups(Problems& problems, const model::Capture& capture, const Notes& notes) {
    const auto& include = capture.include_owner_groups;
    if (!include.all && include.gids.empty() && notes.include_owner_groups.line != 0)
        problems.warning(notes.include_owner_groups, "an empty list turns capture off; expected [\"*\"] or groups");
    std::map<std::uint32_t, model::Place> included;
    for (const auto& gid : include.gids) included.emplace(gid.value, gid.place);
    for (const auto& gid : capture.exclude_owner_groups) {
        const auto same = included.find(gid.value);
        if (same != included.end())
            problems.error(gid.place, "group " + std::to_string(gid.value) + " is in " + same->second.path +
                                          " too; expected it either included or excluded");
        else if (!include.all && !include.gids.empty())
            problems.warning(gid.place,
                             "ignored, because only the groups in capture.includeOutboundOwnerGroups are captured; "
                             "expected no list where that one is given");
    }
}

}  // namespace

// Programs of a cgroup and of one inside it both run for a socket, and the second would judge what the first rewrote.
void check_cgroups(Problems& problems, const model::Capture& capture) {
    std::map<std::string, model::Place> known;
    for (const auto& cgroup : capture.cgroups) known.emplace(cgroup.value, cgroup.place);
    for (const auto& cgroup : capture.cgroups) {
        for (auto end = cgroup.value.rfind('/'); end != std::string::npos && end > 0;
             end = cgroup.value.rfind('/', end - 1)) {
            const auto parent = known.find(cgroup.value.substr(0, end));
            if (parent == known.end()) continue;
            problems.error(cgroup.place, cgroup.value + " lies inside " + parent->second.path + " (" + parent->first +
                                             "), which covers it; expected cgroups that do not hold each other");
            break;
        }
    }
}

void check_scope(Problems& problems, const model::Settings& settings,
                 const std::vector<model::Placed<std::string>>& cgroups, const Notes& notes, bool judge_capture,
                 const model::Place& place) {
    check_identity(problems, settings.proxy, cgroups, notes);
    if (judge_capture) check_owner_groups(problems, settings.capture, notes);
    if (settings.capture.ipv6 == model::Ipv6Mode::kCapture && notes.listen_readable && !settings.proxy.listen_v6)
        problems.error(
            notes.ipv6.line != 0 ? notes.ipv6 : place,
            "capture without an IPv6 entry in proxy.listen; expected such an entry, or auto, bypass or refuse");
}

}  // namespace shunt::config
