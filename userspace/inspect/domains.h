// SPDX-License-Identifier: Apache-2.0
// Which virtual host answers for a Host header, as Envoy chooses it.
#pragma once

#include <string>
#include <string_view>

#include "model/mesh.h"

namespace shunt::inspect {

struct DomainMatch {
    const model::VirtualHost* host = nullptr;  // null: none, the proxy answers 404
    std::string domain;                        // the one that matched
};

// Exact, then *SUFFIX, then PREFIX*, the longest of each, then "*". The host as sent (reviews:9080 is not reviews), in
// any case of letters. A wildcard stands for at least one character.
DomainMatch match_domain(const model::Route& route, std::string_view host);

}  // namespace shunt::inspect
