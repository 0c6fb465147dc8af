// SPDX-License-Identifier: Apache-2.0
// What a command is. A new one is a file in commands/ and one line in registry.cpp.
#pragma once

#include <functional>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/output.h"
#include "kernel/paths.h"

namespace CLI {
class App;
}

namespace shunt::cli {

// Options of every command, given before or after its name.
struct Globals {
    std::string pin_dir;  // empty: found below the bpffs
    std::string run_dir;
    int verbosity = 0;
    bool brief = false;         // -o short, for commands that have it: a table of fewer columns
    bool format_given = false;  // -o was written; where not, a command may have a default of its own
};

// What a command works with. Words go to the log (stderr), data to `out`.
struct Context {
    Globals globals;
    Output& out;
    std::istream& in;
    std::ostream& err;              // where the log goes
    std::vector<std::string> tail;  // what stood after "--"

    kernel::Paths paths() const { return {globals.pin_dir, globals.run_dir}; }
};

using Action = std::function<base::Result<base::ExitCode>(Context&)>;

struct Example {
    std::string command;
    std::string meaning;
};

struct Command {
    std::string name;
    std::string summary;      // one line, for the list of commands
    std::string description;  // paragraphs separated by an empty line, for the command's own --help
    std::vector<Example> examples;
    bool prints_data = true;  // takes -o
    std::string tail;  // what stands after "--" ("COMMAND [ARGUMENT]..."), in brackets where it may be left out; empty:
                       // nothing may stand there
    std::function<Action(CLI::App&)> define;  // adds the command's options, returns what it does
    std::vector<std::string> words = {};      // what its first argument may be, for completion; empty: anything
    std::vector<std::string> formats = {"table", "json", "yaml"};  // for -o; the first is the default
};

// "table, json or yaml"
std::string choice_of(const std::vector<std::string>& words);

}  // namespace shunt::cli
