// SPDX-License-Identifier: Apache-2.0
#include "inspect/names.h"

#include <fmt/format.h>

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

}  // namespace shunt::inspect
