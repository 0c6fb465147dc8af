// SPDX-License-Identifier: Apache-2.0
// Names for the numbers in the tables of listeners and clusters, kept while metrics are published: the configuration
// itself is not.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/mesh.h"
#include "telemetry/hits.h"
#include "telemetry/metrics.h"

namespace shunt::daemon {

class HitNames {
public:
    HitNames() = default;  // knows none
    explicit HitNames(const model::Mesh& mesh);

    // What has no name, because a reload is being put in force at this moment, counts as left out: a series under a
    // number would stay in the observer's memory.
    void write(const telemetry::Hits& hits, telemetry::Metrics& metrics) const;

private:
    using Names = std::unordered_map<std::uint32_t, std::string>;
    Names listeners_, clusters_, scopes_;
};

}  // namespace shunt::daemon
