// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "config/metrics_listener.h"
#include "daemon/daemon.h"

namespace shunt::cli {
namespace {

Action define(CLI::App& app) {
    auto file = std::make_shared<std::string>(kDefaultConfig);
    auto metrics = std::make_shared<std::string>();
    auto beyond = std::make_shared<bool>(false);
    add_config_option(app, *file);
    auto* option =
        app.add_option("--metrics", *metrics,
                       "Publish metrics for Prometheus here, whatever the file says: 127.0.0.1:PORT, [::1]:PORT or the "
                       "path of a socket; default: nowhere")
            ->type_name("ADDR");
    app.add_flag("--metrics-beyond-loopback", *beyond, "Let --metrics be an address that others can reach")
        ->needs(option);
    return [file, metrics, beyond, option](Context& context) -> base::Result<base::ExitCode> {
        base::setup_log(context.err, base::daemon_style(), context.globals.verbosity);
        daemon::RunOptions options{context.paths(), *file, "shunt uninstall", std::nullopt};
        if (option->count() > 0) {
            const auto reach = *beyond ? config::Reach::kBeyond : config::Reach::kLoopback;
            const auto listener = config::parse_metrics_listener(*metrics, reach, "--metrics-beyond-loopback besides");
            if (!listener) return base::fail("run: --metrics: " + listener.error().message, base::ExitCode::kUsage);
            options.metrics = *listener;
        }
        if (!context.globals.pin_dir.empty()) options.uninstall_hint += " --pin-dir " + context.globals.pin_dir;
        if (auto ended = daemon::run(options); !ended) return tl::unexpected<base::Error>(ended.error());
        return base::ExitCode::kOk;
    };
}

}  // namespace

Command run_command() {
    return {
        "run",
        "Redirect as a configuration says, and keep it in force",
        "Loads the configuration, attaches the programs to the cgroups it names, says \"ready\" and stays. What an "
        "earlier "
        "controller left is taken over without a gap. Either all of it is in place afterwards, or nothing has "
        "changed.\n\n"
        "SIGHUP, or 'shunt reload', reads the file again: a good one takes effect as a whole, a bad one is refused as "
        "a "
        "whole. SIGTERM and SIGINT end the controller but leave redirection in place: only 'shunt uninstall' removes "
        "it.",
        {{"shunt run -c /etc/shunt/shunt.yaml", "in the foreground; packaging/shunt.service runs it under systemd"},
         {"shunt run --metrics 127.0.0.1:9464", "and let Prometheus scrape http://127.0.0.1:9464/metrics"}},
        false,
        "",
        define};
}

}  // namespace shunt::cli
