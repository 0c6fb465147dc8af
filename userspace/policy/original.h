// SPDX-License-Identifier: Apache-2.0
// From the addresses of a redirected connection back to what was dialled (bpf/lib/lane.h), in userspace.
#pragma once

#include <optional>

#include "base/net.h"

namespace shunt::policy {

// The address lane; unset where the two addresses are not a pair that it makes.
std::optional<base::SocketAddress> decode_lane(const base::Address& source, const base::Address& to);
// Is this rewritten destination a token, the key of an entry of shunt_dests?
bool is_token(const base::Address& to);

}  // namespace shunt::policy
