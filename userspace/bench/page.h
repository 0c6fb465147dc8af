// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace shunt::bench {

// One page that needs nothing else, from the JSON of a run (report_json.h); parts that the run did not measure are
// left out.
std::string to_page(const nlohmann::ordered_json& report);

}  // namespace shunt::bench
