// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include <charconv>

#include "cli/command.h"
#include "cli/config_file.h"
#include "config/loader.h"

namespace shunt::cli {
namespace {

// FILE:LINE:COLUMN: KEY.PATH: what is wrong -> its parts; a line of another shape is a message as a whole.
Json problem(const std::string& line, const std::string& file) {
    int row = 0;
    int column = 0;
    const char* const end = line.data() + line.size();
    if (line.starts_with(file + ":")) {
        const auto first = std::from_chars(line.data() + file.size() + 1, end, row);
        const bool more = first.ec == std::errc{} && first.ptr != end && *first.ptr == ':';
        const auto second = more ? std::from_chars(first.ptr + 1, end, column) : first;
        const std::string_view rest(second.ptr, static_cast<std::size_t>(end - second.ptr));
        if (more && second.ec == std::errc{} && rest.starts_with(": ")) {
            const std::string text(rest.substr(2));
            const auto colon = text.find(": ");
            const bool has_path = colon != std::string::npos && text.find(' ') > colon;
            return {{"line", row},
                    {"column", column},
                    {"path", has_path ? text.substr(0, colon) : ""},
                    {"message", has_path ? text.substr(colon + 2) : text}};
        }
    }
    return {{"line", 0}, {"column", 0}, {"path", ""}, {"message", line}};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

Json problems(const std::vector<std::string>& lines, const std::string& file) {
    Json list = Json::array();
    for (const auto& line : lines) list.push_back(problem(line, file));
    return list;
}

base::Result<base::ExitCode> check(Context& context, const std::string& file) {
    const auto loaded = config::load_file(file);
    if (!loaded && loaded.error().code != base::ExitCode::kConfigInvalid)
        return tl::unexpected<base::Error>(loaded.error());
    const auto errors = loaded ? std::vector<std::string>{} : lines_of(loaded.error().message);
    auto warnings = loaded ? loaded->warnings : std::vector<std::string>{};
    if (const auto trusted = config::read_source(file, config::Writers::kTrusted); loaded && !trusted)
        warnings.push_back(trusted.error().message + " ('run' would not take it)");
    if (context.out.format() != Format::kTable) {
        context.out.emit({{"file", file},
                          {"valid", loaded.has_value()},
                          {"errors", problems(errors, file)},
                          {"warnings", problems(warnings, file)}});
        return loaded ? base::ExitCode::kOk : base::ExitCode::kConfigInvalid;
    }
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    for (const auto& warning : warnings) spdlog::warn("{}", warning);
    spdlog::info("{}: valid, {} warning{}", file, warnings.size(), warnings.size() == 1 ? "" : "s");
    return base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto file = std::make_shared<std::string>(kDefaultConfig);
    add_config_option(app, *file);
    return [file](Context& context) { return check(context, *file); };
}

}  // namespace

Command check_command() {
    return {"check",
            "Say whether a configuration is valid",
            "Reads a configuration as 'run' and 'reload' would and prints every error, as FILE:LINE:COLUMN: KEY: what "
            "is wrong "
            "and what was expected, and every warning. Needs no privilege and touches nothing. The exit code is 0 for "
            "a valid "
            "file, also with warnings, and 3 for an invalid one. Words go to stderr; with -o json or yaml the errors "
            "are data on stdout.",
            {{"shunt check -c shunt.yaml", "before it is put into force"},
             {"shunt check -c shunt.yaml -o json | jq '.errors[].path'", "which keys are wrong"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
