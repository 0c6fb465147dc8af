// SPDX-License-Identifier: Apache-2.0
// `shunt run`: one configuration file, kept in force until a signal ends the process.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "kernel/paths.h"
#include "model/mesh.h"

namespace shunt::daemon {

struct RunOptions {
    kernel::Paths paths;
    std::string config_file;
    std::string uninstall_hint;                     // the command that removes redirection, as the user would type it
    std::optional<model::MetricsListener> metrics;  // instead of what the file says
};

// SIGHUP and `shunt reload` read the file again; SIGTERM and SIGINT return, redirection staying in place.
base::Status run(const RunOptions& options);

}  // namespace shunt::daemon
