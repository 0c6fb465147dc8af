// SPDX-License-Identifier: Apache-2.0
#include "sync/counters.h"

#include <cstring>

#include "shunt/abi.h"

namespace shunt::sync {
namespace {

base::Status name_map(const kernel::Object& object, const char* name, std::uint32_t count) {
    auto map = object.map(name);
    if (!map) return tl::unexpected(map.error());
    const auto stride = map->info().value_size;  // 16, a multiple of eight: the kernel adds nothing
    for (std::uint32_t index = 0; index < count; ++index) {
        auto values = kernel::lookup_per_cpu(*map, index);
        if (!values) return tl::unexpected(values.error());
        std::uint32_t named = 0;
        std::memcpy(&named, values->data(), sizeof named);
        if (named == index) continue;
        for (std::size_t offset = 0; offset < values->size(); offset += stride)
            std::memcpy(values->data() + offset, &index, sizeof index);
        if (auto updated = map->update(&index, values->data(), "name of " + std::to_string(index)); !updated)
            return updated;
    }
    return {};
}

}  // namespace

base::Status name_counters(const kernel::Object& object) {
    auto status = name_map(object, "shunt_counters", SHUNT_REASON_MAX);
    if (status) status = name_map(object, "shunt_lanes", SHUNT_LANE_MAX);
    if (status) status = name_map(object, "shunt_events", SHUNT_EVENT_MAX);
    return status;
}

}  // namespace shunt::sync
