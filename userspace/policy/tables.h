// SPDX-License-Identifier: Apache-2.0
// What the kernel will hold, as plain values, and the compile step from the model. No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/mesh.h"
#include "policy/table.h"
#include "shunt/abi.h"

namespace shunt::policy {

using ScopeTable = Table<shunt_scope_key, shunt_scope>;
using PortTable = Table<shunt_port_key, shunt_port_rule>;
using Cidr4Table = Table<shunt_cidr4_key, shunt_cidr_rule>;
using Cidr6Table = Table<shunt_cidr6_key, shunt_cidr_rule>;
using OwnerTable = Table<shunt_owner_key, shunt_owner_rule>;
using ListenerTable = Table<shunt_listener_key, shunt_listener>;
using SplitTable = Table<shunt_split_key, shunt_split>;
using ClusterTable = Table<shunt_cluster_key, shunt_cluster>;
using EndpointTable = Table<shunt_endpoint_key, shunt_endpoint>;

struct Tables {
    shunt_bank bank{};
    ScopeTable scopes;  // the base scope has key 0
    PortTable ports;
    Cidr4Table cidrs4;
    Cidr6Table cidrs6;
    OwnerTable owners;
    ListenerTable listeners;
    SplitTable splits;
    ClusterTable clusters;
    EndpointTable endpoints;

    // The settings of the base scope; all zero where there is no configuration.
    const shunt_scope& base() const { return scope(0); }
    // The settings of a scope, or of the base scope where there is none of that number.
    const shunt_scope& scope(std::uint64_t cgroup_id) const;
};

// Calls visit(name of the inner maps, member) for every table, in the order in which they are written: what is referred
// to before what refers to it.
template <class Visit>
void for_each_table(Visit&& visit) {
    visit("shunt_endpoints", &Tables::endpoints);
    visit("shunt_clusters", &Tables::clusters);
    visit("shunt_splits", &Tables::splits);
    visit("shunt_listeners", &Tables::listeners);
    visit("shunt_owners", &Tables::owners);
    visit("shunt_cidrs6", &Tables::cidrs6);
    visit("shunt_cidrs4", &Tables::cidrs4);
    visit("shunt_ports", &Tables::ports);
    visit("shunt_scopes", &Tables::scopes);
}

std::size_t entries(const Tables& tables);

// What compile cannot know from the configuration alone.
struct CgroupId {
    std::uint64_t id = 0;     // kernfs id
    std::uint32_t level = 0;  // depth below the cgroup2 root, 1 = a child of the root
};

struct ResolvedScope {
    std::vector<CgroupId> cgroups;
    std::optional<CgroupId> proxy;  // proxy.identity.cgroup
};

struct Resolved {
    std::optional<CgroupId> proxy;      // of the base scope; unset where the configuration names none
    std::vector<ResolvedScope> scopes;  // one for each of the mesh's
    std::uint32_t captured = 0;         // cgroups that get connect hooks
};

// Numbers that stand for cgroups where there is no kernel to ask: scope i of the mesh has i + 1.
Resolved offline(const model::Mesh& mesh);

// A configuration names more proxy ports than a bank holds (SHUNT_PROXY_PORTS), or a cgroup too deep: an error.
base::Status check_limits(const model::Mesh& mesh, const Resolved& resolved);

// The compile step for one configuration after another. Names and clusters that are as they were are compared, not made
// anew, and the tables of the new configuration share what they have in common with those of the last one.
class Compiler {
public:
    Compiler();
    Compiler(Compiler&&) noexcept;
    Compiler& operator=(Compiler&&) noexcept;
    Compiler(const Compiler&) = delete;
    Compiler& operator=(const Compiler&) = delete;
    ~Compiler();

    // Until the next call.
    const Tables& compile(const model::Mesh& mesh, const Resolved& resolved);

private:
    struct Memory;
    std::unique_ptr<Memory> memory_;
};

// One configuration alone.
Tables compile(const model::Mesh& mesh, const Resolved& resolved);

}  // namespace shunt::policy
