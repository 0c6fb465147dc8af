// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace shunt::bench {

// Figures of an arm are worth something only where each of its connections was redirected: as the redirection itself
// counted, and as the proxy saw.
struct ArmProof {
    std::string arm;
    std::uint64_t connections = 0;      // made by the client
    std::optional<std::uint64_t> hits;  // counted by the redirection; unset: there is none (direct)
    std::uint64_t seen = 0;             // accepted by the proxy
    std::uint64_t right = 0;            // of those, with the destination that was dialled
    std::string first_wrong;
};

// Fails, naming arm and numbers, where any of them differ.
base::Status check(const std::vector<ArmProof>& proofs);

}  // namespace shunt::bench
