// SPDX-License-Identifier: Apache-2.0
// Names of users and groups, looked up on this machine at the moment of asking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shunt::base {

// Nothing where nobody has the name.
std::optional<std::uint32_t> find_user(const std::string& name);
std::optional<std::uint32_t> find_group(const std::string& name);

}  // namespace shunt::base
