// SPDX-License-Identifier: Apache-2.0
// What is examined: the configuration's word where one was given, otherwise what is in force.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "diagnose/diagnose.h"
#include "diagnose/proxies.h"
#include "telemetry/snapshot.h"

namespace shunt::diagnose {

struct Subject {
    const Options& options;
    telemetry::Snapshot snapshot;
    std::vector<std::string> captured;  // absolute paths
    Proxies proxies;
    struct Expected {
        std::string pin;  // file name in links/
        std::string what;
    };
    std::vector<Expected> links;
};

// Says in `findings` what cannot be told; what could be told is in the result all the same.
Subject make_subject(const Options& options, Findings& findings);

}  // namespace shunt::diagnose
