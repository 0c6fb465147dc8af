// SPDX-License-Identifier: Apache-2.0
// Envoy's config_dump over its admin port, whole or not at all.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "importer/byte_source.h"

namespace shunt::importer {

struct FetchLimits {
    std::chrono::milliseconds silence{5000};  // without a byte
    std::chrono::milliseconds total{30000};   // for everything: one byte at a time would never end
};

bool is_url(const std::string& text);                  // http:// or https://
base::Status check_admin_url(const std::string& url);  // http://HOST[:PORT][/PATH]

// Without a path in `url` it is /config_dump?include_eds. Gives up at once where `stop` is requested.
base::Result<Spool> fetch_dump(const std::string& url, const FetchLimits& limits, const std::stop_token& stop = {});

}  // namespace shunt::importer
