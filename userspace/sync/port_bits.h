// SPDX-License-Identifier: Apache-2.0
// shunt_port_bits, of both banks.
#pragma once

#include <array>
#include <memory>

#include "base/result.h"
#include "kernel/object.h"
#include "policy/port_lines.h"
#include "sync/layout.h"

namespace shunt::sync {

class PortBits {
public:
    // Reads back what both banks hold.
    static base::Result<PortBits> open(const Layout& layout);

    // Brings a bank up to date that no program reads. After a failure the bank holds lines of both.
    base::Status write(const kernel::Object& object, unsigned bank, const policy::PortLines& wanted);

private:
    std::array<std::unique_ptr<policy::PortLines>, 2> held_;
};

}  // namespace shunt::sync
