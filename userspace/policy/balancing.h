// SPDX-License-Identifier: Apache-2.0
// Listeners, weighted clusters and endpoints as kernel tables.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
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
Ids listener_ids(const model::Mesh& mesh);

// Fills listeners, splits, clusters and endpoints.
void compile_balancing(const model::Mesh& mesh, Tables& tables);

}  // namespace shunt::policy
