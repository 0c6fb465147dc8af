// SPDX-License-Identifier: Apache-2.0
// How often each listener and each cluster was used, from the tables themselves. Reads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "shunt/abi.h"

namespace shunt::telemetry {

struct ListenerHits {
    shunt_listener_key key{};
    std::uint32_t id = 0;
    std::uint64_t hits = 0;
};

struct ClusterHits {
    std::uint32_t id = 0;
    std::uint64_t hits = 0;  // of both families
};

// Most hits first, at most so many as were asked for.
struct Hits {
    std::vector<ListenerHits> listeners;
    std::vector<ClusterHits> clusters;
    std::size_t listeners_left_out = 0;
    std::size_t clusters_left_out = 0;
};

// Entries of the bank in force, with what was counted for them in both.
base::Result<Hits> read_hits(const std::string& pin_directory, unsigned bank, std::size_t most);

}  // namespace shunt::telemetry
