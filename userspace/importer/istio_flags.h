// SPDX-License-Identifier: Apache-2.0
// istio-iptables' command line -> settings, read as istio-iptables itself reads it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "importer/istio_settings.h"

namespace shunt::importer {

using Environment = std::function<std::optional<std::string>(const std::string&)>;

// `words` may begin with the command itself ("pilot-agent istio-iptables") and may hold NAME=VALUE for the variables
// that it would find in its environment, as after env(1). Flags win over those, and those over `environment`, which may
// be empty. Everything that is wrong is reported together, a line each, with ExitCode::kUsage.
base::Result<IstioSettings> read_istio_flags(const std::vector<std::string>& words, const Environment& environment);

}  // namespace shunt::importer
