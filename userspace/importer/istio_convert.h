// SPDX-License-Identifier: Apache-2.0
// Settings of istio-iptables -> the configuration under which shunt decides as its rules do.
#pragma once

#include "base/result.h"
#include "importer/imported.h"
#include "importer/istio_lists.h"
#include "importer/istio_settings.h"

namespace shunt::importer {

// Whether the workload has an IPv6 address and nothing else, which istio-iptables finds out by looking at them.
enum class PodFamily { kV4OrDual, kV6Only };

// Refuses, with ExitCode::kUsage and one line for each reason, what cannot be had here and what makes no sense.
base::Result<Imported> convert_istio(const IstioSettings& settings, const Surroundings& surroundings, PodFamily family,
                                     const Accounts& accounts);

// What every importer does with the surroundings.
void apply_surroundings(const Surroundings& surroundings, Imported& out);

}  // namespace shunt::importer
