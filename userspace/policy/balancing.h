// SPDX-License-Identifier: Apache-2.0
// Listeners, weighted clusters and endpoints as kernel tables.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/mesh.h"
#include "policy/tables.h"

namespace shunt::policy {

// Numbers for names: a hash of the name, and the next free number where two names share one. A name keeps its number
// whatever else is added to the configuration or taken out of it (short of such a collision), so that a change stays as
// small in the tables as it is in the file. Never 0.
class Ids {
public:
    explicit Ids(std::vector<std::string> names);
    // 0 where the name is unknown.
    std::uint32_t of(const std::string& name) const;

private:
    std::unordered_map<std::string, std::uint32_t> ids_;
};

Ids cluster_ids(const model::Mesh& mesh);
// Listeners of a scope's own are numbered by listener_name(), because two scopes may use one name for two things.
Ids listener_ids(const model::Mesh& mesh);
std::string listener_name(const model::Scope* scope, const model::Listener& listener);
// Of scopes; the sets of entries that are a scope's own bear its number.
Ids scope_ids(const model::Mesh& mesh);

// Fills clusters and endpoints, which all scopes share.
void compile_clusters(const model::Mesh& mesh, const Ids& clusters, Tables& tables);

// What a whole configuration's listeners have in common.
struct ListenerContext {
    const model::Mesh& mesh;
    Ids clusters;
    Ids listeners;
    std::unordered_set<std::string> empty;  // clusters without a healthy endpoint
    explicit ListenerContext(const model::Mesh& whole);
};

// The listeners that one scope sees (null: the base scope), under set 0; their splits go into `splits`.
ListenerTable compile_listeners(const ListenerContext& context, const model::Scope* scope, SplitTable& splits);

}  // namespace shunt::policy
