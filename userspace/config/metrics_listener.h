// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/mesh.h"

namespace shunt::config {

enum class Reach { kLoopback, kBeyond };  // kBeyond: somebody asked for it in so many words

// "/run/shunt/metrics.sock", "127.0.0.1:9464" or "[::1]:9464". What goes beyond loopback is an error unless it may, and
// then the message ends with `permission`: how to say so where this text was written.
base::Result<model::MetricsListener> parse_metrics_listener(std::string_view text, Reach reach,
                                                            std::string_view permission);

}  // namespace shunt::config
