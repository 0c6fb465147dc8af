// SPDX-License-Identifier: Apache-2.0
// Whose proxy is which: a scope may have one of its own, and a process belongs to the deepest scope that holds it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/net.h"
#include "model/mesh.h"
#include "shunt/abi.h"
#include "sync/plan.h"
#include "telemetry/snapshot.h"

namespace shunt::diagnose {

struct Proxy {
    std::optional<base::SocketAddress> listen_v4, listen_v6;
    std::string cgroup;  // absolute; empty where the proxy is not recognised by a cgroup
    auto operator<=>(const Proxy&) const = default;
    std::vector<base::SocketAddress> addresses() const;
};

class Proxies {
public:
    // `cgroup` is the scope's, absolute; empty for the base scope, which everybody belongs to who is in no other one.
    // Scopes whose proxies are equal share one.
    void add(const std::string& cgroup, const Proxy& proxy);

    const std::vector<Proxy>& all() const { return proxies_; }
    bool is_proxys(const std::string& cgroup) const;  // lies in the cgroup of some proxy

    // Those that the processes of these cgroups (absolute) are redirected to. A proxy's own cgroup counts only where
    // there is nobody else; no cgroup at all: every proxy.
    std::vector<Proxy> serving(const std::set<std::string>& cgroups) const;

private:
    std::vector<Proxy> proxies_;
    std::map<std::string, std::size_t> by_scope_;
    std::map<std::string, std::set<std::size_t>> by_own_cgroup_;
};

// As a configuration, or the tables in force, have them.
Proxies proxies_of(const model::Mesh& mesh, const sync::Placement& placement);
Proxies proxies_of(const telemetry::Snapshot& snapshot);

}  // namespace shunt::diagnose
