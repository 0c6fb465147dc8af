// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace shunt::diagnose {

enum class State {
    kOk,
    kInfo,    // worth knowing, or not possible to tell here
    kWarn,    // works now, or in part
    kBroken,  // connections do not go where they should
};

struct Finding {
    std::string check;  // "links", "proxy.listening": stable
    State state = State::kOk;
    std::string detail;
    std::string remedy;  // what to do; empty where nothing is to be done
};
using Findings = std::vector<Finding>;

std::string to_string(State state);
State worst(const Findings& findings);

}  // namespace shunt::diagnose
