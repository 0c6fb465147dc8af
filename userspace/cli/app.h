// SPDX-License-Identifier: Apache-2.0
// From arguments to an exit code.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "cli/output.h"

namespace shunt::cli {

struct Streams {
    Output& out;  // data
    std::istream& in;
    std::ostream& err;  // words; spdlog is pointed there
};

// `arguments` without the program's name. Never throws.
int run(const std::vector<std::string>& arguments, Streams streams);

}  // namespace shunt::cli
