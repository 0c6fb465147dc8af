// SPDX-License-Identifier: Apache-2.0
#include "diagnose/proxies.h"

#include <endian.h>

#include <algorithm>

#include "kernel/cgroup.h"
#include "telemetry/cgroup_paths.h"

namespace shunt::diagnose {
namespace {

// The value of the deepest of `cgroup` and what lies above it that the map knows; the key "" stands above all.
template <class Value>
const Value* deepest(const std::map<std::string, Value>& known, std::string cgroup) {
    while (true) {
        if (const auto found = known.find(cgroup); found != known.end()) return &found->second;
        if (cgroup.empty()) return nullptr;
        const auto slash = cgroup.rfind('/');
        cgroup.resize(slash == std::string::npos ? 0 : slash);
    }
}

Proxy proxy_of(const model::Proxy& configured, const std::optional<kernel::Cgroup>& cgroup) {
    Proxy proxy;
    if (configured.listen_v4) proxy.listen_v4 = configured.listen_v4->value;
    if (configured.listen_v6) proxy.listen_v6 = configured.listen_v6->value;
    if (cgroup) proxy.cgroup = cgroup->path;
    return proxy;
}

}  // namespace

std::vector<base::SocketAddress> Proxy::addresses() const {
    std::vector<base::SocketAddress> list;
    if (listen_v4) list.push_back(*listen_v4);
    if (listen_v6) list.push_back(*listen_v6);
    return list;
}

void Proxies::add(const std::string& cgroup, const Proxy& proxy) {
    const auto found = std::find(proxies_.begin(), proxies_.end(), proxy);
    const auto index = static_cast<std::size_t>(found - proxies_.begin());
    if (found == proxies_.end()) proxies_.push_back(proxy);
    by_scope_[cgroup] = index;
    if (!proxy.cgroup.empty()) by_own_cgroup_[proxy.cgroup].insert(index);
}

bool Proxies::is_proxys(const std::string& cgroup) const { return deepest(by_own_cgroup_, cgroup) != nullptr; }

std::vector<Proxy> Proxies::serving(const std::set<std::string>& cgroups) const {
    if (cgroups.empty()) return proxies_;
    std::set<std::size_t> others, own;
    for (const auto& cgroup : cgroups) {
        if (const auto* proxies = deepest(by_own_cgroup_, cgroup))
            own.insert(proxies->begin(), proxies->end());
        else if (const auto* proxy = deepest(by_scope_, cgroup))
            others.insert(*proxy);
    }
    std::vector<Proxy> serving;
    for (const auto index : others.empty() ? own : others) serving.push_back(proxies_[index]);
    return serving;
}

Proxies proxies_of(const model::Mesh& mesh, const sync::Placement& placement) {
    Proxies proxies;
    proxies.add("", proxy_of(mesh.proxy, placement.proxy));
    for (std::size_t i = 0; i < placement.scopes.size(); ++i) {
        const auto proxy = proxy_of(model::settings_of(mesh, &mesh.scopes[i]).proxy, placement.scopes[i].proxy);
        for (const auto& cgroup : placement.scopes[i].cgroups) proxies.add(cgroup.path, proxy);
    }
    return proxies;
}

Proxies proxies_of(const telemetry::Snapshot& snapshot) {
    std::set<std::uint64_t> ids;
    for (const auto& [id, scope] : snapshot.scopes) {
        if (id != 0) ids.insert(id);
        if (scope.flags & SHUNT_SCOPE_PROXY_CGROUP) ids.insert(scope.proxy_cgroup_id);
    }
    const auto mount = kernel::cgroup2_mount();
    const auto paths = telemetry::cgroup_paths(ids);
    const auto path_of = [&](std::uint64_t id) {
        const auto found = paths.find(id);
        return mount && found != paths.end() ? *mount + found->second : std::string();
    };
    const auto listener = [](const shunt_ip& address, __u16 port_be) {
        return base::SocketAddress{base::Address::from_abi(address), be16toh(port_be)};
    };
    Proxies proxies;
    for (const auto& [id, scope] : snapshot.scopes) {
        Proxy proxy;
        if (scope.flags & SHUNT_SCOPE_PROXY_V4) proxy.listen_v4 = listener(scope.proxy4, scope.proxy4_port_be);
        if (scope.flags & SHUNT_SCOPE_PROXY_V6) proxy.listen_v6 = listener(scope.proxy6, scope.proxy6_port_be);
        if (scope.flags & SHUNT_SCOPE_PROXY_CGROUP) proxy.cgroup = path_of(scope.proxy_cgroup_id);
        const auto cgroup = path_of(id);
        if (id == 0 || !cgroup.empty()) proxies.add(cgroup, proxy);  // a cgroup that is gone holds nobody
    }
    return proxies;
}

}  // namespace shunt::diagnose
