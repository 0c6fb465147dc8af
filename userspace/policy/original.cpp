// SPDX-License-Identifier: Apache-2.0
#include "policy/original.h"

#include "lib/lane.h"

namespace shunt::policy {

std::optional<base::SocketAddress> decode_lane(const base::Address& source, const base::Address& to) {
    if (!source.is_v4() || !to.is_v4()) return std::nullopt;
    __u32 address = 0;
    __u16 port = 0;
    if (!shunt_lane_decode(source.v4_host_order(), to.v4_host_order(), &address, &port)) return std::nullopt;
    return base::SocketAddress{base::Address::v4(address), port};
}

bool is_token(const base::Address& to) { return to.is_v4() && shunt_is_token(to.v4_host_order()); }

}  // namespace shunt::policy
