// SPDX-License-Identifier: Apache-2.0
#include "telemetry/counters.h"

#include <cstring>

#include "kernel/map.h"
#include "telemetry/layout.h"

namespace shunt::telemetry {
namespace {

// Value is a struct with a `count`; the map holds one per possible CPU and index.
template <class Value, class Key>
base::Status read(const std::string& path, Key last, std::map<Key, std::uint64_t>& counts) {
    const auto map = kernel::RawMap::open_pinned(path);
    if (!map) return tl::unexpected<base::Error>(map.error());
    if (map->info().value_size != sizeof(Value) || map->info().max_entries != static_cast<std::uint32_t>(last))
        return base::fail("map " + path + ": it was made by another version of shunt");
    for (std::uint32_t index = 0; index < map->info().max_entries; ++index) {
        const auto bytes = kernel::lookup_per_cpu(*map, index);
        if (!bytes) return tl::unexpected<base::Error>(bytes.error());
        std::uint64_t sum = 0;
        for (std::size_t at = 0; at + sizeof(Value) <= bytes->size(); at += sizeof(Value)) {
            Value value{};
            std::memcpy(&value, bytes->data() + at, sizeof value);
            sum += value.count;
        }
        // Index 0 is "unset": counted only by a program with a defect, which must not be hidden then.
        if (index != 0 || sum != 0) counts[static_cast<Key>(index)] = sum;
    }
    return {};
}

}  // namespace

std::uint64_t Counters::runs() const {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : reasons) sum += count;
    return sum;
}

base::Result<Counters> read_counters_in(const std::string& directory) {
    Counters counters;
    auto done = read<shunt_counter>(directory + "/shunt_counters", SHUNT_REASON_MAX, counters.reasons);
    if (done) done = read<shunt_lane_counter>(directory + "/shunt_lanes", SHUNT_LANE_MAX, counters.lanes);
    if (done) done = read<shunt_event_counter>(directory + "/shunt_events", SHUNT_EVENT_MAX, counters.events);
    if (!done) return tl::unexpected<base::Error>(done.error());
    return counters;
}

base::Result<Counters> read_counters(const kernel::Paths& paths) {
    const auto layout = find_layout(paths);
    if (!layout) return tl::unexpected<base::Error>(layout.error());
    if (layout->directory.empty()) return base::fail("nothing is installed below " + layout->root);
    return read_counters_in(layout->directory);
}

}  // namespace shunt::telemetry
