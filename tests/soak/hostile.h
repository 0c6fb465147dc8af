// SPDX-License-Identifier: Apache-2.0
// What a process does that wishes the proxy, or itself, no good.
#pragma once

#include <string>

#include "harness/dial.h"

namespace shunt::soak {

// In the calling process's network namespace: SYNs with forged sources that are never heard of again.
void flood_with_syns(const std::string& to, unsigned port, unsigned count);

// connect() on a socket whose option memory is used up.
harness::Outcome dial_without_option_memory(const harness::Dial& dial);

}  // namespace shunt::soak
