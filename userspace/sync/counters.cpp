// SPDX-License-Identifier: Apache-2.0
#include "sync/counters.h"

#include <cstring>

#include "shunt/abi.h"

namespace shunt::sync {
namespace {

// Each counter begins with what it counts, and what `second` says of that.
template <class Second>
base::Status name_map(const kernel::Object& object, const char* name, std::uint32_t count, Second second) {
    auto map = object.map(name);
    if (!map) return tl::unexpected(map.error());
    const auto stride = map->info().value_size;  // 16, a multiple of eight: the kernel adds nothing
    for (std::uint32_t index = 0; index < count; ++index) {
        auto values = kernel::lookup_per_cpu(*map, index);
        if (!values) return tl::unexpected(values.error());
        const std::uint32_t names[] = {index, second(index)};
        if (std::memcmp(values->data(), names, sizeof names) == 0) continue;
        for (std::size_t offset = 0; offset < values->size(); offset += stride)
            std::memcpy(values->data() + offset, names, sizeof names);
        if (auto updated = map->update(&index, values->data(), "name of " + std::to_string(index)); !updated)
            return updated;
    }
    return {};
}

}  // namespace

base::Status name_counters(const kernel::Object& object) {
    const auto nothing = [](std::uint32_t) { return 0u; };
    const auto verdict = [](std::uint32_t reason) {
        return static_cast<std::uint32_t>(shunt_verdict_of(static_cast<shunt_reason>(reason)));
    };
    auto status = name_map(object, "shunt_counters", SHUNT_REASON_MAX, verdict);
    if (status) status = name_map(object, "shunt_lanes", SHUNT_LANE_MAX, nothing);
    if (status) status = name_map(object, "shunt_events", SHUNT_EVENT_MAX, nothing);
    return status;
}

}  // namespace shunt::sync
