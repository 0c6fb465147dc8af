// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/registry.h"

namespace shunt::cli {
namespace {

using base::ExitCode;

constexpr int code_of(ExitCode code) { return static_cast<int>(code); }

int usage_error(const std::string& message, const std::string& command) {
    spdlog::error("{}", message);
    spdlog::info("try 'shunt {}--help'", command.empty() ? "" : command + " ");
    return code_of(ExitCode::kUsage);
}

// Lines of a bad configuration start with FILE:LINE:COLUMN and are left alone: editors and CI jump to them.
void report(const base::Error& error, std::ostream& err, bool with_detail) {
    if (error.code == ExitCode::kConfigInvalid)
        err << error.message << (error.message.ends_with('\n') ? "" : "\n") << std::flush;
    else
        spdlog::error("{}", error.message);
    if (error.detail.empty()) return;
    if (with_detail)
        spdlog::debug("{}", error.detail);
    else
        spdlog::info("-v shows more");
}

struct Program {
    CLI::App app{"shunt"};
    Globals globals;
    std::string format;  // empty: the command's first
    std::vector<Command> commands = all_commands();
    std::vector<CLI::App*> apps;
    std::vector<Action> actions;

    Program() {
        globals.run_dir = kernel::Paths{}.run_dir;
        app.set_help_flag("-h,--help", "Show this text; after a command, that command's");
        app.add_option("--pin-dir", globals.pin_dir,
                       "Directory on a bpffs that holds programs, links and maps; default: /sys/fs/bpf/shunt")
            ->type_name("DIR");
        app.add_option("--run-dir", globals.run_dir, "Directory of the control socket; default: /run/shunt")
            ->type_name("DIR");
        app.add_flag("-v,--verbose", globals.verbosity, "Show debug messages and the verifier's log; twice: show more");
        app.add_option("-o,--output", format, "How data is printed: table, json or yaml")->type_name("FORMAT");
        app.require_subcommand(0, 1);  // a missing one is reported here, after unknown options
        app.allow_extras();            // so are these, with the name that may have been meant
        for (const Command& command : commands) {
            CLI::App* sub = app.add_subcommand(command.name, command.summary);
            sub->fallthrough();
            sub->set_help_flag("-h,--help", "Show this text");
            apps.push_back(sub);
            actions.push_back(command.define(*sub));
        }
    }

    std::optional<std::size_t> chosen() const {
        for (std::size_t i = 0; i < apps.size(); ++i)
            if (apps[i]->parsed()) return i;
        return std::nullopt;
    }

    std::string chosen_name() const { return chosen() ? commands[*chosen()].name : ""; }

    std::vector<std::string> valid_flags() const {
        std::vector<std::string> names;
        const auto add = [&](const CLI::App& from) {
            for (const CLI::Option* option : from.get_options())
                for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
        };
        add(app);
        if (chosen()) add(*apps[*chosen()]);
        return names;
    }
};

std::string guess(const std::string& written, const std::vector<std::string>& valid) {
    return base::did_you_mean(written, std::vector<std::string_view>(valid.begin(), valid.end()));
}

// The first argument that nothing took, as a message; empty where everything was taken.
std::string extra_argument(const Program& program) {
    const std::vector<std::string> extras = program.app.remaining(true);
    if (extras.empty()) return "";
    const std::string name = program.chosen_name();
    // A misspelt flag leaves its value behind as well; the flag is what is wrong.
    const auto flag =
        std::find_if(extras.begin(), extras.end(), [](const auto& text) { return text.size() > 1 && text[0] == '-'; });
    if (flag != extras.end()) {
        const std::string written = flag->substr(0, flag->find('='));
        return (name.empty() ? "" : name + ": ") + "unknown option " + base::quoted(written) +
               guess(written, program.valid_flags());
    }
    if (!name.empty()) return name + ": unexpected argument " + base::quoted(extras.front());
    std::vector<std::string> names;
    for (const Command& command : program.commands) names.push_back(command.name);
    return "unknown command " + base::quoted(extras.front()) + guess(extras.front(), names);
}

int perform(Program& program, std::vector<std::string> tail, const Streams& streams) {
    const std::size_t index = *program.chosen();
    const Command& command = program.commands[index];
    program.globals.format_given = program.app.get_option("--output")->count() > 0;
    if (program.globals.format_given && !command.prints_data)
        return usage_error(command.name + " prints no data, so it takes no --output", command.name);
    const std::string format = program.globals.format_given ? program.format : command.formats.front();
    if (std::find(command.formats.begin(), command.formats.end(), format) == command.formats.end())
        return usage_error("--output: " + base::quoted(format) + " is not " + choice_of(command.formats) +
                               guess(format, command.formats),
                           command.name);
    program.globals.brief = format == "short";
    streams.out.set_format(program.globals.brief ? Format::kTable : *parse_format(format));
    Context context{program.globals, streams.out, streams.in, streams.err, std::move(tail)};
    const auto result = program.actions[index](context);
    const base::Status written = streams.out.finish();
    if (!result) {
        report(result.error(), streams.err, program.globals.verbosity > 0);
        return code_of(result.error().code);
    }
    if (!written) {
        report(written.error(), streams.err, program.globals.verbosity > 0);
        return code_of(ExitCode::kFailure);
    }
    return code_of(*result);
}

int run_guarded(const std::vector<std::string>& arguments, const Streams& streams) {
    base::setup_log(streams.err, base::LogStyle::kCommand, 0);
    Program program;
    // CLI11 would take what stands after "--" for arguments of ours.
    const auto separator = std::find(arguments.begin(), arguments.end(), "--");
    const bool has_tail = separator != arguments.end();
    std::vector<std::string> tail(has_tail ? separator + 1 : arguments.end(), arguments.end());
    std::vector<std::string> own(arguments.begin(), separator);
    std::reverse(own.begin(), own.end());  // as CLI11 wants a vector
    std::string parse_error;
    try {
        program.app.parse(own);
    } catch (const CLI::CallForHelp&) {
        const auto chosen = program.chosen();
        streams.out.text(chosen ? command_help(program.app, *program.apps[*chosen], program.commands[*chosen])
                                : program_help(program.app, program.commands));
        const base::Status written = streams.out.finish();
        if (!written) report(written.error(), streams.err, false);
        return code_of(written ? ExitCode::kOk : ExitCode::kFailure);
    } catch (const CLI::ParseError& error) {
        parse_error = error.what();
    }
    const std::string name = program.chosen_name();
    if (const std::string extra = extra_argument(program); !extra.empty()) return usage_error(extra, name);
    if (!parse_error.empty()) return usage_error(name.empty() ? parse_error : name + ": " + parse_error, name);
    if (name.empty()) {
        streams.err << program_help(program.app, program.commands);
        return code_of(ExitCode::kUsage);
    }
    const Command& command = program.commands[*program.chosen()];
    if (has_tail && command.tail.empty()) return usage_error(name + ": takes nothing after --", name);
    if (!command.tail.empty() && command.tail[0] != '[' && tail.empty())
        return usage_error(name + ": " + command.tail + " is missing after --", name);
    base::setup_log(streams.err, base::LogStyle::kCommand, program.globals.verbosity);
    return perform(program, std::move(tail), streams);
}

}  // namespace

int run(const std::vector<std::string>& arguments, Streams streams) {
    try {
        return run_guarded(arguments, streams);
    } catch (const std::exception& error) {
        streams.err << "shunt: internal error: " << error.what() << std::endl;
        return code_of(ExitCode::kFailure);
    }
}

}  // namespace shunt::cli
