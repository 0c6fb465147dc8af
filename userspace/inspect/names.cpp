// SPDX-License-Identifier: Apache-2.0
#include "inspect/names.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "policy/balancing.h"

namespace shunt::inspect {
namespace {

std::string hex(std::uint32_t id) { return fmt::format("0x{:08x}", id); }

}  // namespace

Names::Names(const model::Mesh& mesh) {
    const auto clusters = policy::cluster_ids(mesh);
    for (const auto& cluster : mesh.clusters) clusters_.emplace(clusters.of(cluster.name), &cluster);
    const auto listeners = policy::listener_ids(mesh);
    const auto add = [&](const model::Scope* scope, const std::vector<model::Listener>& list) {
        for (const auto& listener : list)
            listeners_.emplace(listeners.of(policy::listener_name(scope, listener)), &listener);
    };
    add(nullptr, mesh.listeners);
    for (const auto& scope : mesh.scopes)
        if (scope.listeners) add(&scope, *scope.listeners);
    const auto scopes = policy::scope_ids(mesh);
    for (const auto& scope : mesh.scopes) sets_.emplace(scopes.of(scope.name), scope.name);
}

std::string Names::cluster(std::uint32_t id) const {
    const auto found = clusters_.find(id);
    return found == clusters_.end() ? hex(id) : found->second->name;
}

const model::Listener* Names::find_listener(std::uint32_t id) const {
    const auto found = listeners_.find(id);
    return found == listeners_.end() ? nullptr : found->second;
}

std::string Names::listener(std::uint32_t id) const {
    const auto* found = find_listener(id);
    return found == nullptr ? hex(id) : found->name;
}

std::string Names::set(std::uint32_t set) const {
    if (set == 0) return "";
    const auto found = sets_.find(set);
    return found == sets_.end() ? hex(set) : found->second;
}

std::string Names::cgroup(std::uint64_t id) const {
    const auto found = cgroups_.find(id);
    return found == cgroups_.end() ? fmt::format("cgroup {}", id) : found->second;
}

void Names::add_cgroups(const std::map<std::uint64_t, std::string>& paths, const policy::Tables& tables) {
    cgroups_ = paths;
    std::map<std::uint32_t, std::vector<std::uint64_t>> users;
    for (const auto& [key, scope] : tables.scopes)
        for (const auto set : std::set{scope.ports_set, scope.cidrs_set, scope.owners_set, scope.listeners_set})
            if (set != 0 && key.cgroup_id != 0) users[set].push_back(key.cgroup_id);
    for (const auto& [set, ids] : users) {
        const auto more = ids.size() > 1 ? fmt::format(" and {} more", ids.size() - 1) : std::string();
        sets_.emplace(set, cgroup(ids.front()) + more);  // a scope's name stays
    }
}

}  // namespace shunt::inspect
