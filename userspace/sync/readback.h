// SPDX-License-Identifier: Apache-2.0
// From the kernel's maps back to plain tables, through the pins of one layout.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernel/paths.h"
#include "policy/tables.h"
#include "sync/layout.h"

namespace shunt::sync {

base::Result<std::uint64_t> read_generation(const Layout& layout);
// A table that was never made is empty. Hits are those of this bank.
base::Result<policy::Tables> read_bank(const Layout& layout, unsigned bank);

// The installed layout: the one sub-directory of the pin root. Fails where nothing is installed.
base::Result<Layout> find_layout(const kernel::Paths& paths);
// The tables in force; hits are those of both banks.
base::Result<policy::Tables> read_tables(const kernel::Paths& paths);

}  // namespace shunt::sync
