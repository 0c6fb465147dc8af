// SPDX-License-Identifier: Apache-2.0
// The real maps of the real programs, attached to nothing.
#pragma once

#include <memory>
#include <string>

#include "kernel/object.h"
#include "sync/layout.h"

namespace shunt::micro_bench {

// Pins and files go to file systems in a mount namespace of this process alone, so nothing is left however the process
// ends. Needs root.
void enter_scratch_namespace();
std::string scratch_file(const std::string& name);

class ScratchKernel {
public:
    ScratchKernel();  // loads; empty banks
    const kernel::Object& object() const { return *object_; }
    const sync::Layout& layout() const { return layout_; }

private:
    std::unique_ptr<kernel::Object> object_;
    sync::Layout layout_;
};

}  // namespace shunt::micro_bench
