// SPDX-License-Identifier: Apache-2.0
// Scopes: cgroups with settings of their own.
#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

constexpr const char* kHost = "NAMESPACE/HOST, such as prod/*, */reviews.prod.svc.cluster.local or */*.example.com";

void read_egress(Problems& problems, const Value& value, model::Scope& scope) {
    const MapReader map(problems, value, {"hosts"});
    const auto hosts = map.require("hosts", std::string("a list of ") + kHost);
    if (!hosts) return;
    auto& out = scope.egress_hosts.emplace();
    for (const auto& item : read_list(problems, *hosts, std::string("a list of ") + kHost)) {
        auto host = read_name(problems, item, kHost);
        if (!host) continue;
        const auto slash = host->find('/');
        const auto name = slash == std::string::npos ? "" : host->substr(slash + 1);
        const auto star = name.rfind('*');
        const bool star_right = star == std::string::npos || name == "*" || (star == 0 && name.starts_with("*."));
        if (slash == 0 || name.empty() || name.find('/') != std::string::npos || !star_right)
            problems.error(item.place(), base::quoted(*host) + " is not of that form; expected " + kHost);
        else
            out.push_back({std::move(*host), item.place()});
    }
}

void read_sections(Problems& problems, const MapReader& map, model::Scope& scope, Notes& notes) {
    if (const auto proxy = map.get("proxy")) read_proxy(problems, *proxy, scope.proxy.emplace(), notes);
    if (const auto capture = map.get("capture")) {
        set_capture_defaults(scope.capture.emplace(), capture->path);
        read_capture(problems, *capture, *scope.capture, notes, CaptureOf::kScope);
    }
    if (const auto policy = map.get("outboundTrafficPolicy")) read_policy(problems, *policy, scope.policy.emplace());
    if (const auto on_error = map.get("onInternalError"))
        read_on_internal_error(problems, on_error, scope.on_internal_error.emplace(model::OnInternalError::kRefuse));
    if (const auto listeners = map.get("listeners"))
        read_listeners(problems, *listeners, scope.listeners.emplace(), notes);
    if (const auto egress = map.get("egress")) read_egress(problems, *egress, scope);
}

// What the scope says itself; what it inherits was checked where it was written.
void check_sections(Problems& problems, const model::Mesh& mesh, const model::Scope& scope, const Notes& notes) {
    if (scope.capture) {
        check_ranges(problems, *scope.capture, notes);
        check_ports(problems, *scope.capture);
    }
    check_scope(problems, model::settings_of(mesh, &scope), scope.cgroups, notes, scope.capture.has_value(),
                scope.place);
    if (scope.listeners) check_references(problems, mesh, *scope.listeners, notes);
}

}  // namespace

void read_scopes(Problems& problems, const Value& value, model::Mesh& mesh, const Notes& whole) {
    Unique<std::string> names(problems);
    Unique<std::string> cgroups(problems);
    const auto items = read_list(problems, value, "a list of scopes");
    if (value.node->kind == Node::Kind::kList && items.empty() && mesh.capture.cgroups.empty())
        problems.error(value.place(), "an empty list besides no capture.cgroups; expected a scope or such cgroups");
    for (const auto& item : items) {
        const MapReader map(problems, item, kScopeKeys);
        model::Scope scope;
        scope.place = item.place();
        Notes notes;
        notes.listen_readable = whole.listen_readable;
        notes.clusters_readable = whole.clusters_readable;
        notes.routes_readable = whole.routes_readable;
        if (const auto list = map.require("cgroups", "a list of cgroups, such as [/mesh/pod-a]"))
            read_cgroups(problems, *list, scope.cgroups);
        for (const auto& cgroup : scope.cgroups) cgroups.add(cgroup.value, cgroup.place, "cgroup " + cgroup.value);
        if (const auto name = map.get("name")) {
            scope.name = read_name(problems, *name, "the name of the scope").value_or("");
            if (!scope.name.empty()) names.add(scope.name, name->place(), "the name " + scope.name);
        } else if (!scope.cgroups.empty()) {
            scope.name = scope.cgroups.front().value;
            names.add(scope.name, scope.cgroups.front().place, "the name " + scope.name);
        }
        read_sections(problems, map, scope, notes);
        check_sections(problems, mesh, scope, notes);
        mesh.scopes.push_back(std::move(scope));
    }
}

}  // namespace shunt::config
