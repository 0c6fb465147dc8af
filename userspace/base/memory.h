// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shunt::base {

// Gives memory that is free but kept by the allocator back to the kernel: reading a large configuration takes many
// times what is needed afterwards.
void release_free_memory();

}  // namespace shunt::base
