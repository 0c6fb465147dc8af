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
    Ids() = default;
    explicit Ids(const std::vector<std::string>& names);
    Ids(Ids&&) = default;
    Ids& operator=(Ids&&) = default;
    Ids(const Ids&) = delete;  // would refer to the other one's names
    Ids& operator=(const Ids&) = delete;
    ~Ids() = default;

    // 0 where the name is unknown.
    std::uint32_t of(const std::string& name) const;
    // By the place in the list that was given.
    std::size_t size() const { return in_order_.size(); }
    const std::string& name(std::size_t place) const { return in_order_[place]->first; }
    std::uint32_t at(std::size_t place) const { return in_order_[place]->second; }

private:
    using Numbered = std::unordered_map<std::string, std::uint32_t>;
    Numbered ids_;
    std::vector<const Numbered::value_type*> in_order_;
};

Ids cluster_ids(const model::Mesh& mesh);
// Listeners of a scope's own are numbered by listener_name(), because two scopes may use one name for two things.
Ids listener_ids(const model::Mesh& mesh);
std::string listener_name(const model::Scope* scope, const model::Listener& listener);
// Of scopes; the sets of entries that are a scope's own bear its number.
Ids scope_ids(const model::Mesh& mesh);

// The numbers of a configuration's names, kept for the next one: they are made anew only where a name is another.
struct Numbers {
    Ids clusters, listeners;
    std::vector<std::uint32_t> by_id;  // places in Mesh::clusters, in the order of the tables

    void follow(const model::Mesh& mesh);
};

// Fills clusters and endpoints, which all scopes share. What is as in `earlier` shares its entries.
void compile_clusters(const model::Mesh& mesh, const Numbers& numbers, const Tables& earlier, Tables& tables);

// What a whole configuration's listeners have in common.
struct ListenerContext {
    const model::Mesh& mesh;
    const Ids& clusters;
    const Ids& listeners;
    std::unordered_set<std::string> empty;  // clusters without a healthy endpoint
    ListenerContext(const model::Mesh& whole, const Numbers& numbers);
};

// The listeners that one scope sees (null: the base scope), under set 0; their splits go into `splits`.
ListenerTable compile_listeners(const ListenerContext& context, const model::Scope* scope, SplitTable& splits);

}  // namespace shunt::policy
