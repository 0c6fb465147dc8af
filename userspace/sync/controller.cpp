// SPDX-License-Identifier: Apache-2.0
#include "sync/controller.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "base/names.h"
#include "kernel/features.h"
#include "kernel/iterators.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "policy/tables.h"
#include "sync/banks.h"
#include "sync/counters.h"
#include "sync/plan.h"
#include "sync/predecessors.h"
#include "sync/removal.h"
#include "sync/requirements.h"

namespace shunt::sync {
namespace {

// Record-lane handshakes in progress when sockops is no longer needed; on loopback one takes microseconds.
constexpr auto kSockopsDrain = std::chrono::seconds(1);

// The part of a configuration that says what belongs where; a large one is not kept twice.
model::Mesh for_placement(const model::Mesh& mesh) {
    model::Mesh kept;
    kept.proxy = mesh.proxy;
    kept.capture = mesh.capture;
    kept.scopes = mesh.scopes;
    for (auto& scope : kept.scopes) scope.listeners.reset();
    return kept;
}

}  // namespace

struct Controller::Impl {
    kernel::Fd lock;
    std::string root;
    bool fresh_install = false;  // nothing was pinned here before
    bool fresh_layout = false;   // or nothing of this map layout
    Layout layout;
    kernel::Features features;
    std::unique_ptr<kernel::Object> object;
    std::unique_ptr<Banks> banks;
    policy::Compiler compiler;
    Keeper keeper;
    Predecessors predecessors;
    std::vector<std::string> iterators;  // pinned ones, by name
    model::Mesh in_force;                // what place() and plan() ask for
    Placement placed;                    // what place() said of it
    bool all_held = false;               // the keeper holds what plan() said
    bool surplus_left = false;           // links that the configuration in force no longer wants

    base::Status start(const kernel::Paths& paths, const model::Mesh& mesh, ApplyReport& report);
    base::Status install(const kernel::Paths& paths, const model::Mesh& mesh);
    base::Status pin_programs();
    base::Result<ApplyReport> apply(const model::Mesh& mesh, bool replace_programs);
    base::Result<std::vector<std::string>> attach_all(const std::vector<Attachment>& attachments,
                                                      bool replace_programs);
    void detach_pins(const std::vector<std::string>& pins);
    base::Status detach_others(const std::vector<Attachment>& attachments);
    bool decides_for_nobody() const;
    base::Status settle_predecessors();
    base::Status keep_root();
    void keep_iterators(RepairReport& report);
    RepairReport repair();
};

base::Status Controller::Impl::install(const kernel::Paths& paths, const model::Mesh& mesh) {
    if (auto allowed = kernel::check_privileges(); !allowed) return allowed;
    features = kernel::probe_features();
    if (auto enough = check_features(features, mesh); !enough) return enough;
    auto found = kernel::pin_root(paths, true);
    if (!found) return tl::unexpected(found.error());
    root = *found;
    const bool there = std::filesystem::exists(root);
    const auto failed = [&](const base::Error& error) {
        if (!there) (void)kernel::remove_directory(root);  // empty, and nobody else's
        return tl::unexpected(error);
    };
    if (auto made = kernel::make_pin_directory(root); !made) return failed(made.error());
    auto held = kernel::lock(root);
    if (!held) return failed(held.error());
    if (!*held)
        return base::fail("another controller is running for " + root + "; stop it first, or name another --pin-dir");
    lock = std::move(*held);
    if (auto ours = kernel::check_only_layouts(root); !ours) return ours;
    const auto found_layouts = kernel::layouts(root);
    if (!found_layouts) return tl::unexpected(found_layouts.error());
    fresh_install = found_layouts->empty();
    auto opened = kernel::Object::open();
    if (!opened) return tl::unexpected(opened.error());
    object = std::move(*opened);
    layout.directory = root + "/" + object->abi_hash();
    fresh_layout = std::find(found_layouts->begin(), found_layouts->end(), object->abi_hash()) == found_layouts->end();
    auto others = Predecessors::find(root, layout);
    if (!others) return tl::unexpected(others.error());
    predecessors = std::move(*others);
    for (const auto& directory : {layout.directory, layout.programs(), layout.links(), layout.iterators()})
        if (auto made = kernel::make_pin_directory(directory); !made) return made;
    return object->load(layout.directory, features);
}

base::Status Controller::Impl::pin_programs() {
    for (const auto* name : kProgramOrder) {
        auto program = object->program(name);
        if (!program) return tl::unexpected(program.error());
        if (auto pinned = kernel::pin_program(*program, layout.program(name)); !pinned) return pinned;
    }
    return {};
}

// What is missing is attached, in order; what is there gets this build's program. A link that was detached behind our
// back, or whose cgroup was removed and made again, is attached anew. All or nothing: on a failure, what was attached
// by this call is detached again.
base::Result<std::vector<std::string>> Controller::Impl::attach_all(const std::vector<Attachment>& attachments,
                                                                    bool replace_programs) {
    std::vector<std::string> fresh;
    const auto failed = [&](const base::Error& error) {
        predecessors.give_back();
        detach_pins(fresh);
        return tl::unexpected(error);
    };
    for (const auto& attachment : attachments) {
        auto program = object->program(attachment.program);
        if (!program) return failed(program.error());
        const auto pin = layout.link(attachment.program, attachment.cgroup.id);
        const auto pinned = kernel::read_link(pin);
        base::Status status;
        if (pinned && pinned->cgroup_id == attachment.cgroup.id) {
            if (replace_programs) status = kernel::replace(*program, pin);
        } else if (!pinned && pinned.error().number != ENOENT) {
            status = tl::unexpected(pinned.error());  // unpinned and attached anew, a link that works would go first
        } else {
            status = kernel::unpin(pin);
            auto taken = status ? predecessors.take_over(*program, attachment.cgroup) : base::Result<bool>(false);
            if (!taken) return failed(taken.error());
            if (status && !*taken) {
                status = kernel::attach(*program, attachment.cgroup, pin);
                if (status) fresh.push_back(pin);
            }
        }
        if (!status) return failed(status.error());
    }
    return fresh;
}

// Latest first, so connect hooks before what answers for them. A link that cannot be detached is found by status.
void Controller::Impl::detach_pins(const std::vector<std::string>& pins) {
    for (auto pin = pins.rbegin(); pin != pins.rend(); ++pin) (void)kernel::detach(*pin);
}

// Connect hooks go first. sockops stays a moment for the handshakes it has recorded. One that cannot be detached does
// not keep the others; the first error is returned.
base::Status Controller::Impl::detach_others(const std::vector<Attachment>& attachments) {
    std::set<std::string> wanted;
    for (const auto& attachment : attachments) wanted.insert(layout.link(attachment.program, attachment.cgroup.id));
    std::vector<std::string> surplus;
    const auto pins = kernel::entries(layout.links());
    if (!pins) return tl::unexpected(pins.error());
    for (const auto& name : *pins)
        if (!wanted.contains(layout.links() + "/" + name)) surplus.push_back(name);
    std::stable_sort(surplus.begin(), surplus.end(), [](const auto& a, const auto& b) {
        return order_of(program_of_pin(a)) > order_of(program_of_pin(b));
    });
    base::Status status;
    bool drained = false;
    for (const auto& name : surplus) {
        if (!is_connect(program_of_pin(name)) && !drained) {
            std::this_thread::sleep_for(kSockopsDrain);
            drained = true;
        }
        if (auto detached = kernel::detach(layout.links() + "/" + name); !detached && status) status = detached;
    }
    return status;
}

bool Controller::Impl::decides_for_nobody() const {
    const auto pins = kernel::entries(layout.links());
    return pins &&
           std::none_of(pins->begin(), pins->end(), [](const auto& pin) { return is_connect(program_of_pin(pin)); });
}

base::Result<ApplyReport> Controller::Impl::apply(const model::Mesh& mesh, bool replace_programs) {
    if (auto enough = check_features(features, mesh); !enough) return tl::unexpected(enough.error());
    auto placement = place(mesh);
    if (!placement) return tl::unexpected(placement.error());
    ApplyReport report;
    for (const auto& path : placement->dropped)
        report.warnings.push_back("capture.cgroups: " + path +
                                  " lies below another captured cgroup and is covered by it");
    const auto resolved = resolve(*placement);
    if (auto fits = policy::check_limits(mesh, resolved); !fits) return tl::unexpected(fits.error());
    const auto& tables = compiler.compile(mesh, resolved);
    report.entries = policy::entries(tables);
    const auto attachments = plan(mesh, *placement);

    if (auto copied = predecessors.copy_destinations(*object); !copied) return tl::unexpected(copied.error());

    // Where no hook of ours decides yet, tables come before hooks: a connect hook without settings refuses everything,
    // and one with those of an earlier installation, whole or half removed, is under neither old nor new. Later, hooks
    // of cgroups that are new come before the switch, so that a hook that cannot be attached leaves the old
    // configuration whole; for that moment the new cgroup is under the old rules.
    const bool first = banks->generation() == 0 || (replace_programs && decides_for_nobody());
    std::vector<std::string> fresh;
    if (!first) {
        auto attached = attach_all(attachments, replace_programs);
        if (!attached) return tl::unexpected(attached.error());
        fresh = std::move(*attached);
    }
    auto switched = banks->apply(tables);
    if (!switched) {
        predecessors.give_back();
        detach_pins(fresh);
        return tl::unexpected(switched.error());
    }
    report.generation = switched->generation;
    report.changed = switched->changed;
    report.in_force = switched->in_force;
    if (first)
        if (auto attached = attach_all(attachments, replace_programs); !attached)
            return tl::unexpected(attached.error());
    if (auto settled = settle_predecessors(); !settled) report.warnings.push_back(settled.error().message);
    in_force = for_placement(mesh);
    // The switch is done, so this is no reason to call the configuration refused; repair() tries again.
    const auto detached = detach_others(attachments);
    surplus_left = !detached;
    if (!detached) report.warnings.push_back(detached.error().message + "; tried again");
    // In force it is; what somebody took away since is found not to be held by the next look, which applies it again.
    if (auto held = keeper.hold(layout, attachments); !held) report.warnings.push_back(held.error().message);
    all_held = keeper.holds(attachments);
    placed = std::move(*placement);
    return report;
}

// From here on only we decide. What they have learned since it was copied is copied again.
base::Status Controller::Impl::settle_predecessors() {
    if (!predecessors.any()) return {};
    auto detached = predecessors.detach_deciding();
    auto copied = predecessors.copy_destinations(*object);
    return detached ? copied : detached;
}

// The lock is on the directory: one that was removed and made again is locked anew, before anything is pinned there.
base::Status Controller::Impl::keep_root() {
    if (kernel::is_same_file(lock, root)) return {};
    if (auto made = kernel::make_pin_directory(root); !made) return made;
    auto held = kernel::lock(root);
    if (!held) return tl::unexpected(held.error());
    if (!*held) return base::fail("another controller has taken " + root);
    lock = std::move(*held);
    return {};
}

void Controller::Impl::keep_iterators(RepairReport& report) {
    const auto now = kernel::entries(layout.iterators());
    if (now && *now == iterators) return;
    auto status = kernel::make_pin_directory(layout.iterators());
    if (status) status = kernel::pin_iterators(layout.directory, layout.iterators());
    if (status)
        report.repaired.push_back("pin of an iterator in " + layout.iterators() + " was removed");
    else
        report.broken.push_back(status.error().message);
    // Asked for once; what fails now is missing for no connection.
    iterators = kernel::entries(layout.iterators()).value_or(std::vector<std::string>());
}

RepairReport Controller::Impl::repair() {
    RepairReport report;
    if (auto kept = keep_root(); !kept) {
        report.broken.push_back(kept.error().message);
        return report;
    }
    keeper.mend(*object, layout, report);
    if (const auto removed = predecessors.remove_unneeded(); !removed)
        report.broken.push_back(removed.error().message);
    else
        for (const auto& name : *removed)
            report.finished.push_back(name + ", of a build with another map layout, had no connection left: removed");
    keep_iterators(report);
    if (all_held && !surplus_left && is_still(placed)) return report;
    const auto placement = place(in_force);
    if (!placement) {
        report.broken.push_back(placement.error().message);
        return report;
    }
    const auto wanted = plan(in_force, *placement);
    report.outdated = !keeper.holds(wanted);
    if (surplus_left) {
        const auto detached = detach_others(wanted);
        surplus_left = !detached;
        if (detached)
            report.repaired.emplace_back("links that the configuration no longer wants were left");
        else
            report.broken.push_back(detached.error().message);
    }
    return report;
}

Controller::Controller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Controller::Controller(Controller&&) noexcept = default;
Controller& Controller::operator=(Controller&&) noexcept = default;
Controller::~Controller() = default;

base::Status Controller::Impl::start(const kernel::Paths& paths, const model::Mesh& mesh, ApplyReport& report) {
    if (auto installed = install(paths, mesh); !installed) return installed;
    auto opened = Banks::open(*object, layout);
    if (!opened) return tl::unexpected(opened.error());
    banks = std::make_unique<Banks>(std::move(*opened));
    const bool adopted = banks->generation() != 0 || predecessors.any();
    if (auto named = name_counters(*object); !named) return named;
    if (auto pinned = pin_programs(); !pinned) return pinned;
    auto applied = apply(mesh, true);
    if (!applied) return tl::unexpected(applied.error());
    report = *applied;
    report.adopted = adopted;
    if (features.btf)
        if (auto pinned = kernel::pin_iterators(layout.directory, layout.iterators()); !pinned)
            report.warnings.push_back(pinned.error().message +
                                      " (`cat` shows no connections; nothing else needs them)");
    iterators = kernel::entries(layout.iterators()).value_or(std::vector<std::string>());
    return {};
}

base::Result<Controller> Controller::start(const kernel::Paths& paths, const model::Mesh& mesh, ApplyReport& report) {
    auto impl = std::make_unique<Impl>();
    auto started = impl->start(paths, mesh, report);
    if (started) return Controller(std::move(impl));
    // What never protected anything is not left behind. An installation that was there before stays as it is.
    // What was loaded is let go of first: removal proves that nothing is left, and would wait for ourselves.
    auto error = started.error();
    impl->keeper = {};
    impl->banks.reset();
    impl->object.reset();
    if (impl->lock && impl->fresh_install) {
        if (auto removed = remove_installation(impl->root); !removed)
            error.message += "; and what was installed could not be removed: " + removed.error().message;
    } else if (impl->lock && impl->fresh_layout) {
        // With a link in it, it is in force for somebody.
        const auto links = kernel::entries(impl->layout.links());
        const auto removed = links && links->empty() ? remove_layout(impl->layout) : base::Status();
        if (!removed) error.message += "; and its layout could not be removed: " + removed.error().message;
    }
    return tl::unexpected(error);
}

base::Result<ApplyReport> Controller::apply(const model::Mesh& mesh) { return impl_->apply(mesh, false); }

RepairReport Controller::repair() { return impl_->repair(); }

}  // namespace shunt::sync
