// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace shunt::cli {
namespace {

const std::vector<std::string> kFormats{"table", "json", "yaml"};

std::vector<CompletedOption> options_of(const CLI::App& app) {
    std::vector<CompletedOption> list;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional() || option->get_group().empty()) continue;
        list.push_back({option->get_snames(),
                        option->get_lnames(),
                        option->get_type_size() != 0 ? option->get_type_name() : "",
                        option->get_description(),
                        {}});
        if (list.back().type == "FORMAT") list.back().words = kFormats;
    }
    return list;
}

bool is_named(const CompletedOption& option, const std::string& name) {
    return std::find(option.long_names.begin(), option.long_names.end(), name) != option.long_names.end();
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : between) + word;
    return text;
}

std::vector<std::string> with_dashes(const CompletedOption& option) {
    std::vector<std::string> names;
    for (const auto& name : option.short_names) names.push_back("-" + name);
    for (const auto& name : option.long_names) names.push_back("--" + name);
    return names;
}

std::vector<std::string> all_names(const std::vector<CompletedOption>& options) {
    std::vector<std::string> names;
    for (const auto& option : options)
        for (const auto& name : with_dashes(option)) names.push_back(name);
    return names;
}

// Inside single quotes of a shell; `more` are characters that the completion system reads itself.
std::string single_quoted(const std::string& text, const std::string& more = "") {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += (more.find(c) != std::string::npos ? "\\" : "") + std::string(1, c);
    }
    return out + "'";
}

// Which options wait for a value of `type`, as a pattern of case: "-c|--config".
std::string waiting_for(const CompletedProgram& program, const std::string& type) {
    std::vector<std::string> names;
    const auto add = [&](const std::vector<CompletedOption>& options) {
        for (const auto& option : options)
            for (const auto& name : with_dashes(option))
                if (option.type == type && std::find(names.begin(), names.end(), name) == names.end())
                    names.push_back(name);
    };
    add(program.options);
    for (const auto& command : program.commands) add(command.options);
    return joined(names, "|");
}

std::string bash(const CompletedProgram& program) {
    std::vector<std::string> names;
    for (const auto& command : program.commands) names.push_back(command.name);
    std::string value_cases;
    const auto add_case = [&](const std::string& type, const std::string& generate) {
        if (const auto pattern = waiting_for(program, type); !pattern.empty())
            value_cases += "        " + pattern + ") " + generate + "; return ;;\n";
    };
    add_case("FILE", "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")");
    add_case("DIR", "mapfile -t COMPREPLY < <(compgen -d -- \"$current\")");
    std::string formats = "words=" + single_quoted(joined(kFormats, " "));
    for (const auto& command : program.commands)
        if (command.formats != kFormats)
            formats +=
                "; [ \"$command\" != " + command.name + " ] || words=" + single_quoted(joined(command.formats, " "));
    add_case("FORMAT", formats + "; mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")");
    std::string command_cases;
    for (const auto& command : program.commands) {
        auto words = all_names(command.options);
        words.insert(words.begin(), command.words.begin(), command.words.end());
        if (command.runs_command) words.emplace_back("--");
        command_cases += "        " + command.name + ") words=" + single_quoted(joined(words, " ")) + " ;;\n";
    }
    return "# bash completion for shunt, made by: shunt completion bash\n"
           "_shunt() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' i\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case ${COMP_WORDS[i]} in\n"
           "        --) mapfile -t COMPREPLY < <(compgen -c -f -- \"$current\"); return ;;\n"
           "        " +
           joined(names, "|") +
           ") [ -n \"$command\" ] || command=${COMP_WORDS[i]} ;;\n"
           "        esac\n"
           "    done\n"
           "    case $previous in\n" +
           value_cases +
           "    esac\n"
           "    case $command in\n"
           "        '') words=" +
           single_quoted(joined(names, " ") + " " + joined(all_names(program.options), " ")) + " ;;\n" + command_cases +
           "    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
           "}\n"
           "complete -F _shunt shunt\n";
}

std::string zsh_options(const std::vector<CompletedOption>& options, const std::string& indent) {
    std::string out;
    for (const auto& option : options) {
        std::string value;
        if (option.type == "FILE")
            value = ":file:_files";
        else if (option.type == "DIR")
            value = ":directory:_files -/";
        else if (option.type == "FORMAT")
            value = ":format:(" + joined(option.words, " ") + ")";
        else if (!option.type.empty())
            value = ":" + option.type + ": ";
        for (const auto& name : with_dashes(option)) {
            const auto text = single_quoted(option.description, "[]:\\");
            out += indent + "'" + name + "['" + text + "']" + value + "' \\\n";
        }
    }
    return out;
}

std::string zsh(const CompletedProgram& program) {
    std::string names, cases;
    for (const auto& command : program.commands) {
        names += "        " + single_quoted(command.name + ":" + command.summary) + "\n";
        cases += "        " + command.name + ")\n            _arguments \\\n" +
                 zsh_options(command.options, "                ");
        if (!command.words.empty()) cases += "                '1:argument:(" + joined(command.words, " ") + ")' \\\n";
        cases += command.runs_command ? "                '*::command:_normal' ;;\n" : "                '*: : ' ;;\n";
    }
    return "#compdef shunt\n"
           "# zsh completion for shunt, made by: shunt completion zsh\n"
           "_shunt() {\n"
           "    local state line\n"
           "    local -a commands\n"
           "    commands=(\n" +
           names +
           "    )\n"
           "    _arguments -C \\\n" +
           zsh_options(program.options, "        ") +
           "        '1:command:->command' '*::argument:->argument'\n"
           "    case $state in\n"
           "    command) _describe command commands ;;\n"
           "    argument)\n"
           "        case $words[1] in\n" +
           cases +
           "        esac ;;\n"
           "    esac\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _shunt ]; then _shunt \"$@\"; else compdef _shunt shunt; fi\n";
}

std::string fish_options(const std::vector<CompletedOption>& options, const std::string& condition) {
    std::string out;
    for (const auto& option : options) {
        out += "complete -c shunt -n " + single_quoted(condition);
        for (const auto& name : option.short_names) out += " -s " + name;
        for (const auto& name : option.long_names) out += " -l " + name;
        if (option.type == "FORMAT")
            out += " -x -a " + single_quoted(joined(option.words, " "));
        else if (option.type == "FILE" || option.type == "DIR")
            out += " -r -F";
        else if (!option.type.empty())
            out += " -x";
        // fish knows \' and \\ inside single quotes, not the other shells' way.
        std::string text;
        for (const char c : option.description) text += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
        out += " -d '" + text + "'\n";
    }
    return out;
}

std::string fish(const CompletedProgram& program) {
    std::string out =
        "# fish completion for shunt, made by: shunt completion fish\n"
        "complete -c shunt -f\n";
    for (const auto& command : program.commands)
        out += "complete -c shunt -n __fish_use_subcommand -a " + command.name + " -d " +
               single_quoted(command.summary) + "\n";
    out += fish_options(program.options, "__fish_use_subcommand");
    for (const auto& command : program.commands) {
        const auto condition = "__fish_seen_subcommand_from " + command.name;
        out += fish_options(command.options, condition);
        if (!command.words.empty())
            out += "complete -c shunt -n " + single_quoted(condition) + " -a " +
                   single_quoted(joined(command.words, " ")) + "\n";
    }
    return out;
}

}  // namespace

CompletedProgram completed_program(const CLI::App& program, const std::vector<Command>& commands) {
    CompletedProgram completed{options_of(program), {}};
    for (const auto& command : commands) {
        CompletedCommand entry{
            command.name,   command.summary, {}, command.words, !command.tail.empty() && command.tail[0] != '[',
            command.formats};
        for (const CLI::App* app : program.get_subcommands([](const CLI::App*) { return true; }))
            if (app->get_name() == command.name) entry.options = options_of(*app);
        for (const auto& option : completed.options) {
            if (is_named(option, "help") || (is_named(option, "output") && !command.prints_data)) continue;
            entry.options.push_back(option);
            if (is_named(option, "output")) entry.options.back().words = command.formats;
        }
        completed.commands.push_back(std::move(entry));
    }
    return completed;
}

const std::vector<std::string>& completion_shells() {
    static const std::vector<std::string> shells{"bash", "zsh", "fish"};
    return shells;
}

std::string completion_script(const CompletedProgram& program, const std::string& shell) {
    if (shell == "zsh") return zsh(program);
    if (shell == "fish") return fish(program);
    return bash(program);
}

}  // namespace shunt::cli
