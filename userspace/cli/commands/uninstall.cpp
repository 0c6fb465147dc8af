// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "sync/controller.h"

namespace shunt::cli {
namespace {

constexpr unsigned kDefaultDrain = 5;
constexpr unsigned kMaxDrain = 3600;

Action define(CLI::App& app) {
    auto drain = std::make_shared<unsigned>(kDefaultDrain);
    app.add_option("--drain", *drain,
                   "How long redirected connections may still ask for their original destination; default: 5")
        ->type_name("SECONDS")
        ->check(CLI::Range(0u, kMaxDrain));
    return [drain](Context& context) -> base::Result<base::ExitCode> {
        const auto report = sync::uninstall(context.paths(), *drain);
        if (!report) return tl::unexpected<base::Error>(report.error());
        context.out.emit({{"wasInstalled", report->was_installed},
                          {"links", report->links},
                          {"programs", report->programs},
                          {"maps", report->maps},
                          {"directories", report->directories}});
        return base::ExitCode::kOk;
    };
}

}  // namespace

Command uninstall_command() {
    return {
        "uninstall",
        "Detach everything and prove that nothing is left",
        "Detaches the connect programs first, so that new connections go where the application asks; waits, so that "
        "connections redirected a moment ago still get their original destination; then removes the other programs, "
        "the "
        "maps and the pins, and looks whether anything of them is left. Prints what was removed. Refuses while a "
        "controller "
        "runs: stop that first. Connections that stand are not cut. Nothing installed is no error.",
        {{"systemctl stop shunt && shunt uninstall", "from a running service to an untouched node"},
         {"shunt uninstall --drain 0", "at once"}},
        true,
        "",
        define};
}

}  // namespace shunt::cli
