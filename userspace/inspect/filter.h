// SPDX-License-Identifier: Apache-2.0
// The filters of istioctl proxy-config. What is unset matches everything.
#pragma once

#include <optional>
#include <string>

#include "inspect/rows.h"

namespace shunt::inspect {

struct Filter {
    std::optional<std::uint16_t> port;
    std::optional<std::string> address;    // of listeners and endpoints
    std::optional<std::string> name;       // of listeners and routes
    std::optional<std::string> fqdn;       // these three: parts of a cluster's name
    std::optional<std::string> direction;  // inbound or outbound
    std::optional<std::string> subset;
    std::optional<std::string> cluster;  // of endpoints
    std::optional<std::string> status;   // of endpoints
};

// Each part is narrowed by those filters that apply to it. FQDN, direction and status in any case of letters.
void apply(const Filter& filter, Rows& rows);

}  // namespace shunt::inspect
