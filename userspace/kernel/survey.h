// SPDX-License-Identifier: Apache-2.0
// Everything the programs ask of a kernel, feature by feature, for doctor and for the comparison of kernels.
#pragma once

#include <string>
#include <vector>

namespace shunt::kernel {

struct SurveyedFeature {
    const char* name;      // stable: golden files per kernel name it
    bool present;          // found by trying
    bool required;         // without it nothing can be loaded or redirected
    const char* used_for;  // what depends on it
    const char* without;   // what happens where it is missing
};

// Needs the privileges of check_privileges(); without them everything would look absent.
std::vector<SurveyedFeature> survey_features();

}  // namespace shunt::kernel
