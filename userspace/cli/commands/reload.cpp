// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "daemon/control_client.h"

namespace shunt::cli {
namespace {

Action define(CLI::App&) {
    return [](Context& context) -> base::Result<base::ExitCode> {
        const auto report = daemon::request_reload(context.globals.run_dir);
        if (!report) return tl::unexpected<base::Error>(report.error());
        context.out.emit(*report);
        return base::ExitCode::kOk;
    };
}

}  // namespace

Command reload_command() {
    return {"reload",
            "Have the running controller read its configuration again",
            "Asks the controller behind --run-dir to read its configuration file again, waits, and prints the "
            "generation now in "
            "force and how many table entries changed. A bad file is refused as a whole: its errors are printed, the "
            "exit code "
            "is 3, and the configuration in force stays. The exit code is 6 where no controller answers.",
            {{"shunt reload", "after an edit of the file that 'shunt run' was given"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
