// SPDX-License-Identifier: Apache-2.0
// One live connection in a line: made without a JSON value for each, because there may be hundreds of thousands.
#pragma once

#include <string>

#include "cli/output.h"
#include "diagnose/connections.h"

namespace shunt::cli {

std::string connection_heading();
std::string connection_row(const diagnose::Connection& connection);
// {"pid", "command", "source", "original", "proxy", "lane", "state", "ageSeconds", "cgroup"}; null where unknown.
std::string connection_json(const diagnose::Connection& connection);
Json connection_value(const diagnose::Connection& connection);

}  // namespace shunt::cli
