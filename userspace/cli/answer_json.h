// SPDX-License-Identifier: Apache-2.0
// The answer of explain, with the names that the configuration gives to what the verdict leads to.
#pragma once

#include "cli/output.h"
#include "policy/explain.h"

namespace shunt::cli {

// {"dst", "verdict", "reason", "rule": {"path", "line"}, "lane", "to", "listener", "route", "clusters": [{"name",
// "weight"}]}
Json describe(const policy::Flow& flow, const policy::Answer& answer, const model::Mesh& mesh);

// The same in fewer lines, for people.
Json describe_for_table(const Json& description, const std::string& file);

}  // namespace shunt::cli
