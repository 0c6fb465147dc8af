// SPDX-License-Identifier: Apache-2.0
#include "sync/predecessors.h"

#include <cerrno>
#include <fstream>

#include "kernel/pins.h"
#include "sync/plan.h"
#include "sync/removal.h"

namespace shunt::sync {
namespace {

constexpr auto kBetweenLooks = std::chrono::seconds(1);
// A client may be gone before the proxy asks; its accepted socket is not seen.
constexpr auto kIdleBeforeRemoval = std::chrono::seconds(5);

// Two of these on one cgroup would both decide. What only answers has nothing to say of connections it did not make.
bool decides(const std::string& program) {
    return is_connect(program) || program == "shunt_bind4" || program == "shunt_bind6";
}

base::Status copy_missing(const kernel::RawMap& from, const kernel::RawMap& to) {
    std::vector<std::uint8_t> value(from.info().value_size), there(to.info().value_size);
    return from.for_each_key([&](const void* key) -> base::Status {
        const auto known = to.lookup(key, there.data());
        if (!known) return tl::unexpected(known.error());
        if (*known) return {};
        const auto found = from.lookup(key, value.data());
        if (!found) return tl::unexpected(found.error());
        if (!*found) return {};  // gone meanwhile
        return to.update(key, value.data(), "a destination of " + from.info().name);
    });
}

// Told by their own programs, which know their layout: a heading, and a line for each connection of the record lane.
// Where they have no iterators it cannot be told.
bool has_records(const Layout& layout) {
    std::ifstream file(layout.iterators() + "/records");
    std::string line;
    return !std::getline(file, line) || std::getline(file, line);
}

bool has_entries(const kernel::RawMap& map) {
    return !map.for_each_key([](const void*) -> base::Status { return base::fail("there is one"); });
}

base::Result<bool> is_needed(const Layout& layout) {
    const auto pending = kernel::RawMap::open_pinned(layout.map("shunt_pending"));
    if (!pending && pending.error().number == ENOENT) return false;
    if (!pending) return tl::unexpected(pending.error());
    const auto spare = kernel::RawMap::open_pinned(layout.map("shunt_spare"));
    if (!spare && spare.error().number != ENOENT) return tl::unexpected(spare.error());  // a build that has no spares
    return has_entries(*pending) || (spare && has_entries(*spare)) || has_records(layout);
}

}  // namespace

base::Result<Predecessors> Predecessors::find(const std::string& root, const Layout& own) {
    const auto names = kernel::layouts(root);
    if (!names) return tl::unexpected(names.error());
    std::vector<Layout> others;
    for (const auto& name : *names)
        if (root + "/" + name != own.directory) others.push_back({root + "/" + name});
    return Predecessors(std::move(others), own);
}

base::Status Predecessors::copy_destinations(const kernel::Object& object) {
    for (const auto& layout : layouts_) {
        const auto theirs = kernel::RawMap::open_pinned(layout.map("shunt_dests"));
        if (!theirs && theirs.error().number == ENOENT) continue;
        if (!theirs) return tl::unexpected(theirs.error());
        const auto ours = object.map("shunt_dests");
        if (!ours) return tl::unexpected(ours.error());
        const bool same_form =
            theirs->info().key_size == ours->info().key_size && theirs->info().value_size == ours->info().value_size;
        if (!same_form && has_entries(*theirs))
            return base::fail("map " + layout.map("shunt_dests") +
                              " has another form than this build's, so connections from bound sources would be lost; "
                              "run `shunt uninstall` first");
        if (!same_form) continue;
        if (auto copied = copy_missing(*theirs, *ours); !copied) return copied;
    }
    return {};
}

base::Result<bool> Predecessors::take_over(const kernel::Program& program, const kernel::Cgroup& cgroup) {
    if (!decides(program.name)) return false;
    for (const auto& layout : layouts_) {
        const Taken taken{program.name, layout.link(program.name, cgroup.id), own_.link(program.name, cgroup.id),
                          layout.program(program.name)};
        const auto link = kernel::read_link(taken.from);
        if (!link && link.error().number == ENOENT) continue;
        if (!link) return tl::unexpected(link.error());
        if (link->cgroup_id != cgroup.id) continue;  // detached: one of our own is attached
        if (auto replaced = kernel::replace(program, taken.from); !replaced) return tl::unexpected(replaced.error());
        taken_.push_back(taken);
        if (auto moved = kernel::move_pin(taken.from, taken.to); !moved) return tl::unexpected(moved.error());
        return true;
    }
    return false;
}

void Predecessors::give_back() {
    for (auto taken = taken_.rbegin(); taken != taken_.rend(); ++taken) {
        (void)kernel::move_pin(taken->to, taken->from);  // where it has not been moved, there is nothing
        if (const auto program = kernel::open_program(taken->program, taken->old_program))
            (void)kernel::replace(kernel::Program{taken->program, program->get(), 0}, taken->from);
    }
    taken_.clear();
}

base::Status Predecessors::detach_deciding() {
    taken_.clear();
    base::Status status;
    for (const auto& layout : layouts_) {
        const auto pins = kernel::entries(layout.links());
        if (!pins) return tl::unexpected(pins.error());
        for (const auto& pin : *pins) {
            if (!decides(program_of_pin(pin))) continue;
            if (auto detached = kernel::detach(layout.links() + "/" + pin); !detached && status) status = detached;
        }
    }
    return status;
}

base::Result<std::vector<std::string>> Predecessors::remove_unneeded() {
    std::vector<std::string> removed;
    const auto now = std::chrono::steady_clock::now();
    if (layouts_.empty() || now < next_look_) return removed;
    next_look_ = now + kBetweenLooks;
    bool needed = false;
    for (const auto& layout : layouts_) {
        const auto one = is_needed(layout);
        if (!one) return tl::unexpected(one.error());
        needed = needed || *one;
    }
    if (needed || !idle_) idle_since_ = now;
    idle_ = !needed;
    if (needed || now - idle_since_ < kIdleBeforeRemoval) return removed;
    while (!layouts_.empty()) {
        if (auto gone = remove_layout(layouts_.back()); !gone) return tl::unexpected(gone.error());
        removed.push_back(layouts_.back().directory);
        layouts_.pop_back();
    }
    return removed;
}

}  // namespace shunt::sync
