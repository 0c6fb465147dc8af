// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/command.h"

namespace shunt::cli {

std::vector<Command> all_commands();  // in the order in which --help lists them

}  // namespace shunt::cli
