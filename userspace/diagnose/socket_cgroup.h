// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "diagnose/sockets.h"
#include "diagnose/workload.h"

namespace shunt::diagnose {

// Id of the cgroup that a listening socket belongs to: the one it was made in, wherever its process is now. Empty where
// the kernel does not tell (no sock_diag, before 5.10) or the namespace could not be entered.
std::optional<std::uint64_t> cgroup_of_listener(const Namespace& place, const Socket& listener);

}  // namespace shunt::diagnose
