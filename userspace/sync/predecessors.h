// SPDX-License-Identifier: Apache-2.0
// Installations of builds with another map layout, in the same root. Their hooks that decide are taken over one by one
// without a gap; those that answer questions stay beside ours for the connections they know, and go with the last one.
// docs/decisions/0005-two-layouts.md says why.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/link.h"
#include "kernel/map.h"
#include "kernel/object.h"
#include "sync/layout.h"

namespace shunt::sync {

class Predecessors {
public:
    Predecessors() = default;
    Predecessors(std::vector<Layout> layouts, Layout own) : layouts_(std::move(layouts)), own_(std::move(own)) {}

    // Every layout below `root` but `own`.
    static base::Result<Predecessors> find(const std::string& root, const Layout& own);
    bool any() const { return !layouts_.empty(); }

    // Destinations that stand for addresses of 127/8 become known to our programs too. Only missing ones are written.
    base::Status copy_destinations(const kernel::Object& object);
    // One of their links for this program and cgroup gets our program, and its pin moves to ours. False: there is none.
    base::Result<bool> take_over(const kernel::Program& program, const kernel::Cgroup& cgroup);
    // Undoes each take_over(), the latest first.
    void give_back();
    // What has decided for cgroups that are captured no more, once our configuration is in force.
    base::Status detach_deciding();

    // Removes those that no connection needs: no handshake is in progress and no connection of theirs is left, for a
    // while. Looks seldom, however often it is called. The names of what was removed.
    base::Result<std::vector<std::string>> remove_unneeded();

private:
    struct Taken {
        std::string program, from, to;
        std::string old_program;  // its pin
    };
    std::vector<Layout> layouts_;
    Layout own_;
    std::vector<Taken> taken_;
    std::chrono::steady_clock::time_point next_look_{}, idle_since_{};
    bool idle_ = false;
};

}  // namespace shunt::sync
