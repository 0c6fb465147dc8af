// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "sync/controller.h"
#include "sync/layout.h"

namespace shunt::sync {

// Removes everything below and including a pin root whose lock the caller holds, connect hooks first, and proves that
// no program and no map of it is left in the kernel.
base::Result<UninstallReport> remove_installation(const std::string& root, unsigned drain_seconds = 0);
// The same for one layout; the root and the others stay.
base::Status remove_layout(const Layout& layout);

}  // namespace shunt::sync
