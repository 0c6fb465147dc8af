// SPDX-License-Identifier: Apache-2.0
// Completion scripts, made from the same definitions that parse the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace shunt::cli {

struct CompletedOption {
    std::vector<std::string> short_names, long_names;  // without dashes
    std::string type;                                  // FILE, DIR, FORMAT ...; empty: takes no value
    std::string description;
    std::vector<std::string> words;  // values that are known (FORMAT)
};

struct CompletedCommand {
    std::string name, summary;
    std::vector<CompletedOption> options;  // those of every command included
    std::vector<std::string> words;        // for its argument, where the words are known
    bool runs_command = false;             // a command line follows after "--"
    std::vector<std::string> formats;      // for -o
};

struct CompletedProgram {
    std::vector<CompletedOption> options;
    std::vector<CompletedCommand> commands;
};

CompletedProgram completed_program(const CLI::App& program, const std::vector<Command>& commands);

const std::vector<std::string>& completion_shells();
std::string completion_script(const CompletedProgram& program, const std::string& shell);

}  // namespace shunt::cli
