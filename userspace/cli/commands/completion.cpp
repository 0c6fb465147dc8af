// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "cli/registry.h"

namespace shunt::cli {
namespace {

Action define(CLI::App& app) {
    auto shell = std::make_shared<std::string>();
    app.add_option("SHELL", *shell, "bash, zsh or fish")->required();
    return [shell, &app](Context& context) -> base::Result<base::ExitCode> {
        const auto& known = completion_shells();
        if (std::find(known.begin(), known.end(), *shell) == known.end())
            return base::fail("completion: " + base::quoted(*shell) + " is not bash, zsh or fish",
                              base::ExitCode::kUsage);
        context.out.text(completion_script(completed_program(*app.get_parent(), all_commands()), *shell));
        return base::ExitCode::kOk;
    };
}

}  // namespace

Command completion_command() {
    return {"completion",
            "Print a script that completes shunt's commands and options",
            "Prints a completion script for bash, zsh or fish. It is made from the definitions that parse the command "
            "line, so it knows every command and option of this build.",
            {{"shunt completion bash > /etc/bash_completion.d/shunt", "for every user of bash"},
             {"shunt completion zsh > /usr/local/share/zsh/site-functions/_shunt", "for zsh"},
             {"shunt completion fish > /etc/fish/completions/shunt.fish", "for fish"}},
            false,
            "",
            define,
            completion_shells()};
}

}  // namespace shunt::cli
