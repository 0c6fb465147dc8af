// SPDX-License-Identifier: Apache-2.0
// File names inside one layout's directory, PIN_ROOT/<abi hash>/.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::sync {

struct Layout {
    std::string directory;

    std::string map(const std::string& name) const { return directory + "/" + name; }
    // A banked table's inner map: shunt_ports_0, shunt_ports_1.
    std::string bank(const std::string& inner, unsigned bank) const {
        return directory + "/" + inner + "_" + std::to_string(bank);
    }
    std::string programs() const { return directory + "/progs"; }
    std::string program(const std::string& name) const { return programs() + "/" + name; }
    std::string iterators() const { return directory + "/iter"; }
    std::string links() const { return directory + "/links"; }
    // shunt_connect4_<cgroup id>
    std::string link(const std::string& program, std::uint64_t cgroup_id) const {
        return links() + "/" + program + "_" + std::to_string(cgroup_id);
    }
};

}  // namespace shunt::sync
