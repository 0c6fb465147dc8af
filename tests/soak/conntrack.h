// SPDX-License-Identifier: Apache-2.0
// A network namespace whose connection tracking has no room left. The limit is the machine's and stays as it is; the
// entries are this namespace's own, made over netlink.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "harness/child.h"

namespace shunt::soak {

class FullConntrack {
public:
    // Makes the namespace, which goes with this object. Nothing, and why, where the kernel has no connection tracking
    // or lets more entries in than a test should make.
    static std::unique_ptr<FullConntrack> make(const std::string& netns, std::string& why_not);
    ~FullConntrack();
    FullConntrack(const FullConntrack&) = delete;

    const std::string& netns() const { return netns_; }
    void fill() const;  // until one more is refused
    void make_room() const;

private:
    explicit FullConntrack(const std::string& netns);

    const std::string netns_;
    std::unique_ptr<harness::Child> child_;
};

}  // namespace shunt::soak
