// SPDX-License-Identifier: Apache-2.0
// What the kernel will hold, as plain values, and the compile step from the model. No I/O.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/mesh.h"
#include "shunt/abi.h"

namespace shunt::policy {

// ABI structs have explicit, zeroed padding, so their bytes order and compare them.
template <class T>
struct BytesLess {
    bool operator()(const T& a, const T& b) const { return std::memcmp(&a, &b, sizeof(T)) < 0; }
};
template <class K, class V>
using Table = std::map<K, V, BytesLess<K>>;

using PortTable = Table<shunt_port_key, shunt_port_rule>;
using Cidr4Table = Table<shunt_cidr4_key, shunt_cidr_rule>;
using Cidr6Table = Table<shunt_cidr6_key, shunt_cidr_rule>;
using OwnerTable = Table<shunt_owner_key, shunt_owner_rule>;
using ListenerTable = Table<shunt_listener_key, shunt_listener>;
using SplitTable = Table<shunt_split_key, shunt_split>;
using ClusterTable = Table<shunt_cluster_key, shunt_cluster>;
using EndpointTable = Table<shunt_endpoint_key, shunt_endpoint>;

struct Tables {
    shunt_scope scope{};
    PortTable ports;
    Cidr4Table cidrs4;
    Cidr6Table cidrs6;
    OwnerTable owners;
    ListenerTable listeners;
    SplitTable splits;
    ClusterTable clusters;
    EndpointTable endpoints;
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
}

std::size_t entries(const Tables& tables);

// What compile cannot know from the configuration alone.
struct Resolved {
    // Kernel id and depth of proxy.identity.cgroup; unset offline and where the configuration names none.
    std::optional<std::uint64_t> proxy_cgroup_id;
    std::uint32_t proxy_cgroup_level = 0;
};

Tables compile(const model::Mesh& mesh, const Resolved& resolved);

}  // namespace shunt::policy
