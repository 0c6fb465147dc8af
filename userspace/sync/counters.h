// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "kernel/object.h"

namespace shunt::sync {

// Writes each counter's enumerator into its value, so that bpftool prints the name. Counts of an earlier controller
// stay.
base::Status name_counters(const kernel::Object& object);

}  // namespace shunt::sync
