// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace shunt::daemon {

// Both fail with kControllerUnreachable where no controller answers.
// A refused reload fails with the controller's own message, detail and exit code.
base::Result<nlohmann::ordered_json> request_reload(const std::string& run_dir);
base::Result<nlohmann::ordered_json> request_status(const std::string& run_dir);

}  // namespace shunt::daemon
