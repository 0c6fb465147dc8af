// SPDX-License-Identifier: Apache-2.0
// From the numbers in the kernel's tables back to the configuration's names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "model/mesh.h"
#include "policy/tables.h"

namespace shunt::inspect {

// What a configuration does not name is shown as its number in hex: 0x1f4a9c03. Refers to the mesh, which must outlive
// it.
class Names {
public:
    Names() = default;  // knows no name
    explicit Names(const model::Mesh& mesh);

    std::string cluster(std::uint32_t id) const;
    std::string listener(std::uint32_t id) const;
    // Null where the configuration has no such listener.
    const model::Listener* find_listener(std::uint32_t id) const;
    // The scope that a set of entries is numbered after, otherwise the cgroups whose scopes have it; empty for set 0,
    // which is the base scope's.
    std::string set(std::uint32_t set) const;
    // "/mesh/pod-a", or "cgroup 1234" where it is gone.
    std::string cgroup(std::uint64_t id) const;

    // Paths by id, of the cgroups that `tables` name.
    void add_cgroups(const std::map<std::uint64_t, std::string>& paths, const policy::Tables& tables);

private:
    std::unordered_map<std::uint32_t, const model::Cluster*> clusters_;
    std::unordered_map<std::uint32_t, const model::Listener*> listeners_;
    std::unordered_map<std::uint32_t, std::string> sets_;
    std::map<std::uint64_t, std::string> cgroups_;
};

}  // namespace shunt::inspect
