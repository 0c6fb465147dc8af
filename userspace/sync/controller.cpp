// SPDX-License-Identifier: Apache-2.0
#include "sync/controller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/names.h"
#include "kernel/features.h"
#include "kernel/link.h"
#include "kernel/pins.h"
#include "policy/tables.h"
#include "sync/banks.h"
#include "sync/counters.h"
#include "sync/plan.h"

namespace shunt::sync {
namespace {

// Record-lane handshakes in progress when sockops is no longer needed; on loopback one takes microseconds.
constexpr auto kSockopsDrain = std::chrono::seconds(1);

base::Status check_features(const kernel::Features& features, const model::Mesh& mesh) {
    const auto missing = [](const std::string& feature) {
        return base::fail("this kernel lacks " + feature, base::ExitCode::kFeatureMissing);
    };
    if (!features.links) return missing("BPF links on cgroups");
    if (needs_record_lane(mesh) && !features.sockops_cookie && !features.btf)
        return missing(
            "both network namespace cookies in sockops and BTF; the record lane (IPv6, lane: record, a proxy "
            "that does not listen on 0.0.0.0) needs one of them");
    return {};
}

// "shunt_connect4_1234" -> "shunt_connect4"
std::string program_of_pin(const std::string& pin) { return pin.substr(0, pin.rfind('_')); }

}  // namespace

struct Controller::Impl {
    kernel::Fd lock;
    Layout layout;
    kernel::Features features;
    std::unique_ptr<kernel::Object> object;
    std::unique_ptr<Banks> banks;

    base::Status install(const kernel::Paths& paths, const model::Mesh& mesh);
    base::Status pin_programs();
    base::Result<ApplyReport> apply(const model::Mesh& mesh, bool replace_programs);
    base::Status attach_all(const std::vector<Attachment>& attachments, bool replace_programs);
    base::Status detach_others(const std::vector<Attachment>& attachments);
};

base::Status Controller::Impl::install(const kernel::Paths& paths, const model::Mesh& mesh) {
    if (auto allowed = kernel::check_privileges(); !allowed) return allowed;
    features = kernel::probe_features();
    if (auto enough = check_features(features, mesh); !enough) return enough;
    auto root = kernel::pin_root(paths, true);
    if (!root) return tl::unexpected(root.error());
    if (auto made = kernel::make_pin_directory(*root); !made) return made;
    auto held = kernel::lock(*root);
    if (!held) return tl::unexpected(held.error());
    if (!*held)
        return base::fail("another controller is running for " + *root + "; stop it first, or name another --pin-dir");
    lock = std::move(*held);
    auto opened = kernel::Object::open();
    if (!opened) return tl::unexpected(opened.error());
    object = std::move(*opened);
    for (const auto& name : kernel::layouts(*root))
        if (name != object->abi_hash())
            return base::fail(*root + "/" + name + " was installed by a build with another map layout (this one has " +
                              object->abi_hash() + "); run that build's `shunt uninstall` first");
    layout.directory = *root + "/" + object->abi_hash();
    for (const auto& directory : {layout.directory, layout.programs(), layout.links()})
        if (auto made = kernel::make_pin_directory(directory); !made) return made;
    return object->load(layout.directory, features);
}

base::Status Controller::Impl::pin_programs() {
    for (const auto* name : {"shunt_origdst", "shunt_sockops", "shunt_peername4", "shunt_peername6", "shunt_sockname4",
                             "shunt_sockname6", "shunt_bind4", "shunt_bind6", "shunt_connect4", "shunt_connect6"}) {
        auto program = object->program(name);
        if (!program) return tl::unexpected(program.error());
        if (auto pinned = kernel::pin_program(*program, layout.program(name)); !pinned) return pinned;
    }
    return {};
}

// What is missing is attached, in order; what is there gets this build's program. A link that was detached behind our
// back, or whose cgroup was removed and made again, is attached anew.
base::Status Controller::Impl::attach_all(const std::vector<Attachment>& attachments, bool replace_programs) {
    for (const auto& attachment : attachments) {
        auto program = object->program(attachment.program);
        if (!program) return tl::unexpected(program.error());
        const auto pin = layout.link(attachment.program, attachment.cgroup.id);
        const auto pinned = kernel::read_link(pin);
        base::Status status;
        if (pinned && pinned->cgroup_id == attachment.cgroup.id) {
            if (replace_programs) status = kernel::replace(*program, pin);
        } else {
            status = kernel::unpin(pin);
            if (status) status = kernel::attach(*program, attachment.cgroup, pin);
        }
        if (!status) return status;
    }
    return {};
}

// Connect hooks go first. sockops stays a moment for the handshakes it has recorded.
base::Status Controller::Impl::detach_others(const std::vector<Attachment>& attachments) {
    std::set<std::string> wanted;
    for (const auto& attachment : attachments) wanted.insert(layout.link(attachment.program, attachment.cgroup.id));
    std::vector<std::string> surplus;
    for (const auto& name : kernel::entries(layout.links()))
        if (!wanted.contains(layout.links() + "/" + name)) surplus.push_back(name);
    std::stable_sort(surplus.begin(), surplus.end(), [](const auto& a, const auto& b) {
        return order_of(program_of_pin(a)) > order_of(program_of_pin(b));
    });
    bool drained = false;
    for (const auto& name : surplus) {
        if (!is_connect(program_of_pin(name)) && !drained) {
            std::this_thread::sleep_for(kSockopsDrain);
            drained = true;
        }
        if (auto detached = kernel::detach(layout.links() + "/" + name); !detached) return detached;
    }
    return {};
}

base::Result<ApplyReport> Controller::Impl::apply(const model::Mesh& mesh, bool replace_programs) {
    if (auto enough = check_features(features, mesh); !enough) return tl::unexpected(enough.error());
    auto placement = place(mesh);
    if (!placement) return tl::unexpected(placement.error());
    ApplyReport report;
    for (const auto& path : placement->dropped)
        report.warnings.push_back("capture.cgroups: " + path +
                                  " lies below another captured cgroup and is covered by it");
    policy::Resolved resolved;
    if (placement->proxy) {
        resolved.proxy_cgroup_id = placement->proxy->id;
        resolved.proxy_cgroup_level = placement->proxy->level;
    }
    const auto tables = policy::compile(mesh, resolved);
    report.entries = tables.ports.size() + tables.cidrs4.size() + tables.cidrs6.size() + tables.owners.size() +
                     tables.listeners.size();
    const auto attachments = plan(mesh, *placement);

    // What answers the proxy's questions must be in place before the first connection needs it: attach all but the
    // connect hooks, switch, then the connect hooks of cgroups that are new.
    std::vector<Attachment> answering;
    std::copy_if(attachments.begin(), attachments.end(), std::back_inserter(answering),
                 [](const auto& attachment) { return !is_connect(attachment.program); });
    if (auto status = attach_all(answering, replace_programs); !status) return tl::unexpected(status.error());
    auto switched = banks->apply(tables);
    if (!switched) return tl::unexpected(switched.error());
    report.generation = switched->generation;
    report.changed = switched->changed;
    if (auto status = attach_all(attachments, replace_programs); !status) return tl::unexpected(status.error());
    if (auto status = detach_others(attachments); !status) return tl::unexpected(status.error());
    return report;
}

Controller::Controller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Controller::Controller(Controller&&) noexcept = default;
Controller& Controller::operator=(Controller&&) noexcept = default;
Controller::~Controller() = default;

base::Result<Controller> Controller::start(const kernel::Paths& paths, const model::Mesh& mesh, ApplyReport& report) {
    auto impl = std::make_unique<Impl>();
    if (auto installed = impl->install(paths, mesh); !installed) return tl::unexpected(installed.error());
    auto banks = Banks::open(*impl->object, impl->layout);
    if (!banks) return tl::unexpected(banks.error());
    impl->banks = std::make_unique<Banks>(std::move(*banks));
    const bool adopted = impl->banks->generation() != 0;
    if (auto named = name_counters(*impl->object); !named) return tl::unexpected(named.error());
    if (auto pinned = impl->pin_programs(); !pinned) return tl::unexpected(pinned.error());
    auto applied = impl->apply(mesh, true);
    if (!applied) return tl::unexpected(applied.error());
    report = *applied;
    report.adopted = adopted;
    return Controller(std::move(impl));
}

base::Result<ApplyReport> Controller::apply(const model::Mesh& mesh) { return impl_->apply(mesh, false); }

}  // namespace shunt::sync
