// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace shunt::bench {

// The part of the page about "stages": growth, proxies, established connections, capacity, start.
std::string stages_of(const nlohmann::ordered_json& report);

}  // namespace shunt::bench
