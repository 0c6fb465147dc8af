// SPDX-License-Identifier: Apache-2.0
// One word for what a snapshot shows.
#pragma once

#include <string>
#include <vector>

#include "telemetry/snapshot.h"

namespace shunt::telemetry {

enum class State {
    kNotInstalled,  // no maps of ours below the pin directory
    kUnprotected,   // connections of a captured cgroup can leave without passing us
    kDegraded,      // every connect is seen, but something that a redirect needs is missing
    kProtected,
};

struct Judgement {
    State state = State::kNotInstalled;
    std::vector<std::string> why;  // empty where protected
};

std::string to_string(State state);
Judgement judge(const Snapshot& snapshot);

}  // namespace shunt::telemetry
