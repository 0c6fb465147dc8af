// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "config/loader.h"
#include "daemon/control_client.h"

namespace shunt::cli {

CLI::Option* add_config_option(CLI::App& app, std::string& file) {
    return app.add_option("-c,--config", file, std::string("Configuration file; default: ") + kDefaultConfig)
        ->type_name("FILE");
}

base::Result<model::Mesh> load_config(const std::string& file) {
    auto loaded = config::load_file(file);
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    for (const auto& warning : loaded->warnings) spdlog::warn("{}", warning);
    return std::move(loaded->mesh);
}

std::string controllers_file(const std::string& run_dir) {
    const auto status = daemon::request_status(run_dir);
    if (!status || !status->contains("config")) return "";
    return status->at("config").get<std::string>();
}

}  // namespace shunt::cli
