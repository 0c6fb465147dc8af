// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace shunt::bench {

// One figure of one arm in two runs.
struct Compared {
    std::string arm, family;
    double a_ns = 0, b_ns = 0;                    // added p50
    double a_over_legacy = 0, b_over_legacy = 0;  // 0: not measured
    double noise_ns = 0;                          // the larger of the two runs'
    bool distinguishable = false;                 // the difference is above the noise, and the intervals do not overlap
};

// Reads a report of `shunt bench -o json`. Another version, or no report at all, is an error that names the file.
base::Result<nlohmann::ordered_json> read_report(const std::string& file);

// What both runs have, in the order of the first. Also notes, in words, where the two are not of one kind.
struct Comparison {
    std::vector<Compared> rows;
    std::vector<std::string> notes;
};
Comparison compare(const nlohmann::ordered_json& a, const nlohmann::ordered_json& b);

std::string to_text(const Comparison& comparison);
nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace shunt::bench
