// SPDX-License-Identifier: Apache-2.0
// What the stages besides connect found, as text and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/bench.h"

namespace shunt::bench {

std::string stages_text(const Report& report);
nlohmann::ordered_json stages_json(const Report& report);
nlohmann::ordered_json proof_json(const ArmProof& proof);

}  // namespace shunt::bench
