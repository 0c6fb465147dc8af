// SPDX-License-Identifier: Apache-2.0
// What differs between two sets of tables, in words that do not depend on where an entry stands in them.
#pragma once

#include <string>
#include <vector>

#include "inspect/names.h"
#include "policy/tables.h"

namespace shunt::inspect {

struct Difference {
    std::string what;           // scope, port, range, owner, listener, cluster, endpoint
    std::string key;            // 9080/tcp, 10.96.7.7:3306, "CLUSTER 10.0.3.40:3306"
    std::string configuration;  // empty: absent there
    std::string kernel;
};

std::vector<Difference> differences(const policy::Tables& configuration, const policy::Tables& kernel,
                                    const Names& names);

}  // namespace shunt::inspect
