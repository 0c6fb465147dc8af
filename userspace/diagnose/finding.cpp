// SPDX-License-Identifier: Apache-2.0
#include "diagnose/finding.h"

#include <algorithm>

namespace shunt::diagnose {

std::string to_string(State state) {
    switch (state) {
        case State::kOk: return "ok";
        case State::kInfo: return "info";
        case State::kWarn: return "warn";
        case State::kBroken: return "broken";
    }
    return "unknown";
}

State worst(const Findings& findings) {
    State found = State::kOk;
    for (const auto& finding : findings) found = std::max(found, finding.state);
    return found;
}

}  // namespace shunt::diagnose
