// SPDX-License-Identifier: Apache-2.0
// From the numbers in the kernel's tables back to the configuration's names.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "model/mesh.h"

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
    // The scope that a set of entries is numbered after; empty for set 0, which is the base scope's.
    std::string set(std::uint32_t set) const;

private:
    std::unordered_map<std::uint32_t, const model::Cluster*> clusters_;
    std::unordered_map<std::uint32_t, const model::Listener*> listeners_;
    std::unordered_map<std::uint32_t, std::string> sets_;
};

}  // namespace shunt::inspect
