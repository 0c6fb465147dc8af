// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/mesh.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace shunt::cli {

inline constexpr const char* kDefaultConfig = "/etc/shunt/shunt.yaml";

CLI::Option* add_config_option(CLI::App& app, std::string& file);  // -c, --config

// The file that the controller of this run directory was given; empty where none answers.
std::string controllers_file(const std::string& run_dir);

// Loads it and logs its warnings.
base::Result<model::Mesh> load_config(const std::string& file);

}  // namespace shunt::cli
