// SPDX-License-Identifier: Apache-2.0
#include "diagnose/subject.h"

#include <algorithm>
#include <set>

#include "kernel/cgroup.h"
#include "sync/plan.h"

namespace shunt::diagnose {
namespace {

std::string pin_name(const std::string& program, std::uint64_t cgroup) {
    return program + "_" + std::to_string(cgroup);
}

void from_mesh(const model::Mesh& mesh, Subject& subject, Findings& findings) {
    const auto placement = sync::place(mesh);
    if (!placement) {
        subject.proxies = proxies_of(mesh, {});
        findings.push_back(
            {"cgroups", State::kBroken, placement.error().message, "make the cgroup, then restart 'shunt run'"});
        return;
    }
    for (const auto& cgroup : placement->captured) subject.captured.push_back(cgroup.path);
    subject.proxies = proxies_of(mesh, *placement);
    for (const auto& attachment : sync::plan(mesh, *placement))
        subject.links.push_back(
            {pin_name(attachment.program, attachment.cgroup.id), attachment.program + " on " + attachment.cgroup.path});
}

// What sync::needs_record_lane() says of a configuration, of the settings made from it.
bool needs_record_lane(std::uint32_t flags) {
    const bool one_address = (flags & SHUNT_SCOPE_PROXY_V4) && !(flags & SHUNT_SCOPE_PROXY_V4_WILDCARD);
    const bool ipv6 = (flags & SHUNT_SCOPE_PROXY_V6) && (flags & SHUNT_SCOPE_IPV6_CAPTURE);
    return (flags & SHUNT_SCOPE_LANE_RECORD) || one_address || ipv6;
}

// Pins name program and cgroup. A pin that somebody removed leaves no trace, so what every captured cgroup must have
// is expected even where no pin says so.
void from_pins(Subject& subject) {
    const auto scope = subject.snapshot.base_scope();
    subject.proxies = proxies_of(subject.snapshot);
    std::string proxy_cgroup;
    const auto mount = kernel::cgroup2_mount();
    std::set<std::string> known;
    std::set<std::uint64_t> captured;
    for (const auto& link : subject.snapshot.links) {
        known.insert(link.pin);
        subject.links.push_back({link.pin, link.pin.substr(0, link.pin.rfind('_')) + " on " +
                                               (link.cgroup.empty() ? "a cgroup that is gone" : link.cgroup)});
        const std::string path = mount && !link.cgroup.empty() ? *mount + link.cgroup : "";
        if (scope.flags & SHUNT_SCOPE_PROXY_CGROUP && link.cgroup_id == scope.proxy_cgroup_id) proxy_cgroup = path;
        if (!link.pin.starts_with("shunt_connect") && !link.pin.starts_with("shunt_bind")) continue;
        if (captured.insert(link.cgroup_id).second && !path.empty()) subject.captured.push_back(path);
    }
    const std::uint64_t proxy = scope.flags & SHUNT_SCOPE_PROXY_CGROUP ? scope.proxy_cgroup_id : 0;
    const auto expect = [&](const std::string& program, std::uint64_t cgroup) {
        const auto pin = pin_name(program, cgroup);
        if (known.insert(pin).second)
            subject.links.push_back({pin, program + " on cgroup id " + std::to_string(cgroup)});
    };
    const bool record = needs_record_lane(scope.flags);
    const bool client_address = scope.flags & (SHUNT_SCOPE_CLIENT4 | SHUNT_SCOPE_CLIENT6);
    for (const auto cgroup : captured) {
        for (const auto* program : sync::kProgramOrder) {
            const std::string name = program;
            const bool always = name.starts_with("shunt_peername") || name.starts_with("shunt_bind") ||
                                name.starts_with("shunt_connect") || (name == "shunt_origdst" && proxy == 0) ||
                                (name == "shunt_sockops" && record) ||
                                (name.starts_with("shunt_sockname") && client_address);
            if (always) expect(name, cgroup);
        }
    }
    if (proxy == 0) return;
    expect("shunt_origdst", proxy);
    // Where a captured cgroup holds the proxy's, its programs run for both.
    const bool covered = std::any_of(subject.captured.begin(), subject.captured.end(),
                                     [&](const auto& path) { return proxy_cgroup.starts_with(path + "/"); });
    if (covered || proxy_cgroup.empty()) return;
    if (record) expect("shunt_sockops", proxy);
    if (client_address)
        for (const char* program : {"shunt_peername4", "shunt_peername6"}) expect(program, proxy);
}

}  // namespace

Subject make_subject(const Options& options, Findings& findings) {
    Subject subject{options, {}, {}, {}, {}};
    auto snapshot = telemetry::read_snapshot(options.paths);
    if (snapshot)
        subject.snapshot = std::move(*snapshot);
    else
        findings.push_back({"installation", State::kBroken, snapshot.error().message,
                            "look at the pin directory; 'shunt uninstall' and 'shunt run' make it anew"});
    if (options.mesh)
        from_mesh(*options.mesh, subject, findings);
    else if (subject.snapshot.installed)
        from_pins(subject);
    return subject;
}

}  // namespace shunt::diagnose
