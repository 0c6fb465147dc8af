// SPDX-License-Identifier: Apache-2.0
#include "sync/plan.h"

#include <algorithm>
#include <unordered_set>

namespace shunt::sync {
namespace {

bool is_below(const kernel::Cgroup& inner, const kernel::Cgroup& outer) {
    return inner.path.size() > outer.path.size() && inner.path[outer.path.size()] == '/' &&
           inner.path.starts_with(outer.path);
}

bool within_any(const std::vector<kernel::Cgroup>& outer, const kernel::Cgroup& inner) {
    return std::any_of(outer.begin(), outer.end(),
                       [&](const auto& cgroup) { return cgroup.id == inner.id || is_below(inner, cgroup); });
}

void add_once(std::vector<kernel::Cgroup>& list, const kernel::Cgroup& cgroup) {
    const bool known = std::any_of(list.begin(), list.end(), [&](const auto& other) { return other.id == cgroup.id; });
    if (!known) list.push_back(cgroup);
}

// Is one of the paths an ancestor of this one?
bool covered_by(const std::unordered_set<std::string>& paths, std::string path) {
    for (auto end = path.rfind('/'); end != std::string::npos && end > 0; end = path.rfind('/')) {
        path.resize(end);
        if (paths.contains(path)) return true;
    }
    return false;
}

base::Result<kernel::Cgroup> captured_cgroup(const model::Placed<std::string>& configured) {
    auto cgroup = kernel::find_cgroup(configured.value);
    if (!cgroup) return base::wrap(configured.place.path, cgroup.error());
    if (cgroup->level == 0)
        return base::fail(configured.place.path + ": " + configured.value +
                          " is the root of the hierarchy; kernel sockets would be captured too. Name the workload's "
                          "cgroup");
    return cgroup;
}

base::Result<std::optional<kernel::Cgroup>> proxy_cgroup(const model::Proxy& proxy) {
    const auto& identity = proxy.identity.cgroup;
    if (!identity) return std::nullopt;
    const std::string path = identity->place.path.empty() ? "proxy.identity.cgroup" : identity->place.path;
    auto cgroup = kernel::find_cgroup(identity->value);
    if (!cgroup) return base::wrap(path, cgroup.error());
    if (cgroup->level == 0) return base::fail(path + ": the root of the hierarchy would make every process the proxy");
    return *cgroup;
}

// What one scope needs, and whom it concerns.
struct Needs {
    std::vector<kernel::Cgroup> cgroups;  // of the scope; empty: the base scope, which may govern anybody
    std::optional<kernel::Cgroup> proxy;
    bool record = false;
    bool client_address = false;
};

std::vector<Needs> needs_of_scopes(const model::Mesh& mesh, const Placement& placement) {
    std::vector<Needs> all;
    const auto add = [&](const model::Scope* scope, std::vector<kernel::Cgroup> cgroups,
                         const std::optional<kernel::Cgroup>& proxy) {
        const auto settings = model::settings_of(mesh, scope);
        all.push_back({std::move(cgroups), proxy, needs_record_lane(settings),
                       settings.capture.client_address_v4 || settings.capture.client_address_v6});
    };
    add(nullptr, {}, placement.proxy);
    for (std::size_t i = 0; i < mesh.scopes.size(); ++i)
        add(&mesh.scopes[i], placement.scopes[i].cgroups, placement.scopes[i].proxy);
    return all;
}

bool concerns(const Needs& scope, const kernel::Cgroup& captured) {
    return scope.cgroups.empty() || std::any_of(scope.cgroups.begin(), scope.cgroups.end(), [&](const auto& cgroup) {
               return cgroup.id == captured.id || is_below(cgroup, captured);
           });
}

// `proxy` of the sum is set only where every scope has one.
template <class Which>
Needs sum_of(const std::vector<Needs>& all, Which which) {
    Needs sum;
    bool first = true;
    for (const auto& scope : all) {
        if (!which(scope)) continue;
        if (first || !scope.proxy) sum.proxy = scope.proxy;
        sum.record = sum.record || scope.record;
        sum.client_address = sum.client_address || scope.client_address;
        first = false;
    }
    return sum;
}

}  // namespace

int order_of(const std::string& program) {
    const auto found = std::find(kProgramOrder.begin(), kProgramOrder.end(), program);
    return found == kProgramOrder.end() ? -1 : static_cast<int>(found - kProgramOrder.begin());
}

bool is_connect(const std::string& program) { return program == "shunt_connect4" || program == "shunt_connect6"; }

std::string program_of_pin(const std::string& pin) { return pin.substr(0, pin.rfind('_')); }

base::Result<Placement> place(const model::Mesh& mesh) {
    Placement placement;
    auto& all = placement.named;
    std::unordered_set<std::string> paths;
    const auto add = [&](const kernel::Cgroup& cgroup) {
        if (paths.insert(cgroup.path).second) all.push_back(cgroup);
    };
    for (const auto& configured : mesh.capture.cgroups) {
        auto cgroup = captured_cgroup(configured);
        if (!cgroup) return tl::unexpected(cgroup.error());
        add(*cgroup);
    }
    const auto named = all.size();
    for (const auto& scope : mesh.scopes) {
        ScopePlacement& where = placement.scopes.emplace_back();
        for (const auto& configured : scope.cgroups) {
            auto cgroup = captured_cgroup(configured);
            if (!cgroup) return tl::unexpected(cgroup.error());
            where.cgroups.push_back(*cgroup);
            add(*cgroup);
        }
        auto proxy = proxy_cgroup(model::settings_of(mesh, &scope).proxy);
        if (!proxy) return tl::unexpected(proxy.error());
        where.proxy = *proxy;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!covered_by(paths, all[i].path))
            placement.captured.push_back(all[i]);
        else if (i < named)
            placement.dropped.push_back(all[i].path);
    }
    auto proxy = proxy_cgroup(mesh.proxy);
    if (!proxy) return tl::unexpected(proxy.error());
    placement.proxy = *proxy;
    return placement;
}

bool is_still(const Placement& placement) {
    const auto unmoved = [](const kernel::Cgroup& cgroup) { return kernel::is_still(cgroup); };
    const auto proxy_unmoved = [&](const std::optional<kernel::Cgroup>& proxy) { return !proxy || unmoved(*proxy); };
    std::unordered_set<std::uint64_t> seen;  // scopes often have one proxy
    return std::all_of(placement.named.begin(), placement.named.end(), unmoved) && proxy_unmoved(placement.proxy) &&
           std::all_of(placement.scopes.begin(), placement.scopes.end(), [&](const auto& scope) {
               return !scope.proxy || !seen.insert(scope.proxy->id).second || proxy_unmoved(scope.proxy);
           });
}

policy::Resolved resolve(const Placement& placement) {
    const auto id = [](const kernel::Cgroup& cgroup) { return policy::CgroupId{cgroup.id, cgroup.level}; };
    policy::Resolved resolved;
    resolved.captured = static_cast<std::uint32_t>(placement.captured.size());
    if (placement.proxy) resolved.proxy = id(*placement.proxy);
    for (const auto& scope : placement.scopes) {
        auto& where = resolved.scopes.emplace_back();
        for (const auto& cgroup : scope.cgroups) where.cgroups.push_back(id(cgroup));
        if (scope.proxy) where.proxy = id(*scope.proxy);
    }
    return resolved;
}

bool needs_record_lane(const model::Settings& settings) {
    const auto& proxy = settings.proxy;
    if (proxy.lane == model::LaneMode::kRecord) return true;
    if (proxy.listen_v4 && !proxy.listen_v4->value.address.is_unspecified()) return true;
    const auto ipv6 = settings.capture.ipv6;
    return proxy.listen_v6 && (ipv6 == model::Ipv6Mode::kAuto || ipv6 == model::Ipv6Mode::kCapture);
}

bool needs_record_lane(const model::Mesh& mesh) {
    return needs_record_lane(model::settings_of(mesh, nullptr)) ||
           std::any_of(mesh.scopes.begin(), mesh.scopes.end(),
                       [&](const auto& scope) { return needs_record_lane(model::settings_of(mesh, &scope)); });
}

std::vector<Attachment> plan(const model::Mesh& mesh, const Placement& placement) {
    const auto all = needs_of_scopes(mesh, placement);
    std::vector<Attachment> attachments;
    const auto add = [&](const char* program, const kernel::Cgroup& cgroup) {
        attachments.push_back({program, cgroup});
    };
    std::vector<kernel::Cgroup> answering;  // captured cgroups that have shunt_origdst
    for (const auto& cgroup : placement.captured) {
        const Needs needs = sum_of(all, [&](const Needs& scope) { return concerns(scope, cgroup); });
        if (!needs.proxy) {
            add("shunt_origdst", cgroup);
            answering.push_back(cgroup);
        }
        if (needs.record) add("shunt_sockops", cgroup);
        for (const char* program :
             {"shunt_peername4", "shunt_peername6", "shunt_bind4", "shunt_bind6", "shunt_connect6", "shunt_connect4"})
            add(program, cgroup);
        if (needs.client_address)
            for (const char* program : {"shunt_sockname4", "shunt_sockname6"}) add(program, cgroup);
    }
    std::vector<kernel::Cgroup> proxies;
    for (const auto& scope : all)
        if (scope.proxy) add_once(proxies, *scope.proxy);
    for (const auto& proxy : proxies) {
        // A proxy below a captured cgroup has that one's programs; two of them would run twice.
        if (!within_any(answering, proxy)) add("shunt_origdst", proxy);
        if (within_any(placement.captured, proxy)) continue;
        const Needs needs = sum_of(all, [&](const Needs& scope) { return scope.proxy && scope.proxy->id == proxy.id; });
        if (needs.record) add("shunt_sockops", proxy);
        if (needs.client_address)
            for (const char* program : {"shunt_peername4", "shunt_peername6"}) add(program, proxy);
    }
    std::stable_sort(attachments.begin(), attachments.end(),
                     [](const auto& a, const auto& b) { return order_of(a.program) < order_of(b.program); });
    return attachments;
}

}  // namespace shunt::sync
