// SPDX-License-Identifier: Apache-2.0
// A limit of memory for processes of the captured cgroup: a cgroup of the memory controller's own hierarchy (v1) where
// the machine has that, otherwise a child of the captured cgroup with memory.max.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "harness/child.h"
#include "harness/sandbox.h"
#include "lifecycle_fixture.h"

namespace shunt::soak {

class MemoryLimit {
public:
    // Nothing, and why, where no memory controller can be used.
    static std::unique_ptr<MemoryLimit> make(const harness::Sandbox& sandbox, std::string& why_not);
    ~MemoryLimit();
    MemoryLimit(const MemoryLimit&) = delete;

    // That process is limited from now on.
    void add(pid_t pid) const;
    // A process that takes memory until the kernel ends it. How often the limit was hit meanwhile.
    std::uint64_t hit() const;

private:
    MemoryLimit(std::string directory, bool v2);
    std::uint64_t hits() const;

    const std::string directory_;
    const bool v2_;
};

}  // namespace shunt::soak
