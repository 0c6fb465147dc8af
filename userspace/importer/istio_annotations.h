// SPDX-License-Identifier: Apache-2.0
// A pod, or a workload with a pod's template, as YAML or JSON -> the settings that Istio's injector would give
// istio-iptables for it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "importer/imported.h"
#include "importer/istio_convert.h"
#include "importer/istio_settings.h"

namespace shunt::importer {

struct PodSettings {
    IstioSettings settings;
    PodFamily family = PodFamily::kV4OrDual;
    std::vector<Remark> remarks;
};

// ExitCode::kConfigInvalid for what is no pod, and for annotations that Istio does not have.
base::Result<PodSettings> read_pod(const std::string& text, const std::string& file);

}  // namespace shunt::importer
