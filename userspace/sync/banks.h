// SPDX-License-Identifier: Apache-2.0
// The two banks of tables and the value that switches between them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "kernel/object.h"
#include "policy/tables.h"
#include "sync/layout.h"
#include "sync/port_bits.h"

namespace shunt::sync {

struct SwitchReport {
    std::uint64_t generation = 0;
    std::size_t changed = 0;  // table entries written or removed
    std::chrono::steady_clock::time_point in_force;
};

// Writes one configuration after another. The bank that is not in force is brought up to date by its difference, so a
// small change costs in proportion to the change (twice: once for each bank); then one value makes it the one in force.
// Until then nothing the programs read has changed, so a failure leaves the old configuration whole.
class Banks {
public:
    // Reads back what both banks hold (after a restart), or finds them empty (first start).
    static base::Result<Banks> open(const kernel::Object& object, const Layout& layout);

    base::Result<SwitchReport> apply(const policy::Tables& wanted);
    std::uint64_t generation() const { return generation_; }

private:
    Banks(const kernel::Object& object, Layout layout, PortBits port_bits)
        : object_(&object), layout_(std::move(layout)), port_bits_(std::move(port_bits)) {}

    base::Status settle(unsigned bank);

    const kernel::Object* object_;
    Layout layout_;
    std::uint64_t generation_ = 0;
    std::array<policy::Tables, 2> held_;
    PortBits port_bits_;
    bool settled_ = false;  // no program can still be reading the bank that is not in force
};

}  // namespace shunt::sync
