// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "kernel/features.h"
#include "kernel/link.h"
#include "kernel/map.h"
#include "kernel/pins.h"
#include "sync/controller.h"
#include "sync/layout.h"
#include "sync/plan.h"
#include "sync/removal.h"

namespace shunt::sync {
namespace {

constexpr auto kReleaseLimit = std::chrono::seconds(10);

// Ids of what is pinned, so that its end can be proved.
struct Ids {
    std::vector<std::uint32_t> programs;
    std::vector<std::uint32_t> maps;
};

base::Status detach_links(const Layout& layout, unsigned drain_seconds, UninstallReport& report) {
    auto found = kernel::entries(layout.links());
    if (!found) return tl::unexpected(found.error());
    auto& names = *found;
    std::stable_sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
        return order_of(program_of_pin(a)) > order_of(program_of_pin(b));
    });
    bool drained = names.empty() || !is_connect(program_of_pin(names.front()));  // no connect hook: none to wait for
    for (const auto& name : names) {
        if (!is_connect(program_of_pin(name)) && !drained) {
            std::this_thread::sleep_for(std::chrono::seconds(drain_seconds));
            drained = true;
        }
        if (auto detached = kernel::detach(layout.links() + "/" + name); !detached) return detached;
        ++report.links;
    }
    return {};
}

base::Status take_away(const Layout& layout, unsigned drain_seconds, UninstallReport& report, Ids& ids) {
    const auto programs = kernel::entries(layout.programs());
    if (!programs) return tl::unexpected(programs.error());
    for (const auto& name : *programs)
        if (auto id = kernel::pinned_program_id(layout.program(name))) ids.programs.push_back(*id);
    if (auto detached = detach_links(layout, drain_seconds, report); !detached) return detached;
    for (const auto& name : *programs) {
        if (auto removed = kernel::unpin(layout.program(name)); !removed) return removed;
        ++report.programs;
    }
    const auto iterators = kernel::entries(layout.iterators());
    if (!iterators) return tl::unexpected(iterators.error());
    for (const auto& name : *iterators) {
        const auto pin = layout.iterators() + "/" + name;
        if (auto link = kernel::read_link(pin)) ids.programs.push_back(link->program_id);
        if (auto removed = kernel::unpin(pin); !removed) return removed;
    }
    for (const auto& directory : {layout.programs(), layout.links(), layout.iterators()}) {
        if (auto removed = kernel::remove_directory(directory); !removed) return removed;
        ++report.directories;
    }
    const auto maps = kernel::entries(layout.directory);
    if (!maps) return tl::unexpected(maps.error());
    for (const auto& name : *maps) {
        if (auto map = kernel::RawMap::open_pinned(layout.map(name))) ids.maps.push_back(map->info().id);
        if (auto removed = kernel::unpin(layout.map(name)); !removed) return removed;
        ++report.maps;
    }
    if (auto removed = kernel::remove_directory(layout.directory); !removed) return removed;
    ++report.directories;
    return {};
}

// The kernel frees programs and maps a moment after the last reference is gone.
base::Status prove_gone(const Ids& ids) {
    const auto deadline = std::chrono::steady_clock::now() + kReleaseLimit;
    while (true) {
        std::string left;
        for (const auto id : ids.programs)
            if (kernel::program_exists(id).value_or(false)) left += " program id " + std::to_string(id);
        for (const auto id : ids.maps)
            if (kernel::map_exists(id).value_or(false)) left += " map id " + std::to_string(id);
        if (left.empty()) return {};
        if (std::chrono::steady_clock::now() > deadline)
            return base::fail("still in the kernel after uninstall, held by another process:" + left);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace

base::Result<UninstallReport> remove_installation(const std::string& root, unsigned drain_seconds) {
    UninstallReport report;
    report.was_installed = true;
    Ids ids;
    auto found = kernel::layouts(root);
    if (!found) return tl::unexpected(found.error());
    // What answers for connections of another layout goes after the connect hooks.
    if (const auto deciding = kernel::layout_in_force(root))
        std::stable_partition(found->begin(), found->end(), [&](const auto& name) { return name == *deciding; });
    for (const auto& name : *found)
        if (auto removed = take_away({root + "/" + name}, drain_seconds, report, ids); !removed)
            return tl::unexpected(removed.error());
    if (auto removed = kernel::remove_directory(root); !removed) return tl::unexpected(removed.error());
    ++report.directories;
    if (auto gone = prove_gone(ids); !gone) return tl::unexpected(gone.error());
    return report;
}

base::Status remove_layout(const Layout& layout) {
    UninstallReport report;
    Ids ids;
    if (auto removed = take_away(layout, 0, report, ids); !removed) return removed;
    return prove_gone(ids);
}

base::Result<UninstallReport> uninstall(const kernel::Paths& paths, unsigned drain_seconds) {
    if (auto allowed = kernel::check_privileges(); !allowed) return tl::unexpected(allowed.error());
    auto root = kernel::pin_root(paths, false);
    if (!root) return UninstallReport();  // no bpffs, so nothing can be installed
    const auto slash = root->rfind('/');
    const auto siblings = kernel::entries(root->substr(0, slash));
    if (!siblings) return tl::unexpected(siblings.error());
    if (std::find(siblings->begin(), siblings->end(), root->substr(slash + 1)) == siblings->end())
        return UninstallReport();
    if (auto checked = kernel::check_pin_directory(*root); !checked) return tl::unexpected(checked.error());
    auto lock = kernel::lock(*root);
    if (!lock) return tl::unexpected(lock.error());
    if (!*lock)
        return base::fail("a controller is running for " + *root + "; stop it first (redirection stays until then)");
    if (auto ours = kernel::check_only_layouts(*root); !ours) return tl::unexpected(ours.error());
    return remove_installation(*root, drain_seconds);
}

}  // namespace shunt::sync
