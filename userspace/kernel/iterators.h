// SPDX-License-Identifier: Apache-2.0
// Iterators that `cat` reads as text: live connections, without a shunt binary at hand.
#pragma once

#include <string>

#include "base/result.h"

namespace shunt::kernel {

// Loads the iterators over the maps pinned in `maps` and pins them in `directory`, in place of earlier ones:
//   connections  the reader's network namespace: address lane and dictionary
//   records      all network namespaces: record lane
// Needs kernel BTF. Nothing else depends on them: a failure is worth a warning.
base::Status pin_iterators(const std::string& maps, const std::string& directory);

// Does this kernel take an iterator over TCP sockets? Found by loading one over maps of its own.
bool has_iterators();

}  // namespace shunt::kernel
