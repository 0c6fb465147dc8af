// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace shunt::cli {

std::string program_help(const CLI::App& program, const std::vector<Command>& commands);
std::string command_help(const CLI::App& program, const CLI::App& app, const Command& command);

}  // namespace shunt::cli
