// SPDX-License-Identifier: Apache-2.0
#include "base/cluster_name.h"

#include <charconv>

namespace shunt::base {

std::optional<ClusterName> split_cluster_name(std::string_view name) {
    std::string_view parts[4];
    for (std::size_t i = 0; i < 4; ++i) {
        const auto bar = name.find('|');
        if ((bar == std::string_view::npos) != (i == 3)) return std::nullopt;
        parts[i] = name.substr(0, bar);
        name.remove_prefix(i == 3 ? name.size() : bar + 1);
    }
    ClusterName out{parts[0], 0, parts[2], parts[3]};
    if (out.direction != "outbound" && out.direction != "inbound") return std::nullopt;
    const auto [end, failure] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), out.port);
    if (failure != std::errc{} || end != parts[1].data() + parts[1].size()) return std::nullopt;
    return out;
}

}  // namespace shunt::base
