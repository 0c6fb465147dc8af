// SPDX-License-Identifier: Apache-2.0
// The life cycle: what is in the kernel is made equal to a configuration, in an order that never lets traffic pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/paths.h"
#include "model/mesh.h"
#include "sync/keeper.h"

namespace shunt::sync {

struct ApplyReport {
    std::uint64_t generation = 0;
    std::size_t entries = 0;                         // in the tables now in force
    std::size_t changed = 0;                         // table entries written or removed for it
    std::chrono::steady_clock::time_point in_force;  // when the switch happened
    bool adopted = false;                            // programs and maps of an earlier controller were taken over
    std::vector<std::string> warnings;
};

// The only writer of one pin directory; holds its lock while it lives. Destroying it leaves redirection in place.
class Controller {
public:
    // Lock, probe features, load or adopt, fill the tables, switch, attach; all or nothing. Never detaches.
    // Errors: kPermission names the missing capability, kFeatureMissing the feature, kFailure the object.
    static base::Result<Controller> start(const kernel::Paths& paths, const model::Mesh& mesh, ApplyReport& report);

    // A new configuration, as a whole: on an error the old one stays in force.
    base::Result<ApplyReport> apply(const model::Mesh& mesh);

    // Looks after what others may have taken away: detached links, removed pins, a captured cgroup that was removed and
    // made again: that one is captured by the next apply(). Cheap enough for several times a second.
    RepairReport repair();

    Controller(Controller&&) noexcept;
    Controller& operator=(Controller&&) noexcept;
    Controller(const Controller&) = delete;
    Controller& operator=(const Controller&) = delete;
    ~Controller();

private:
    struct Impl;
    explicit Controller(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct UninstallReport {
    std::size_t links = 0, programs = 0, maps = 0, directories = 0;  // removed
    bool was_installed = false;
};

// Connect hooks first, then `drain_seconds` for connections whose original destination is not asked yet, then the rest.
// Fails where a controller holds the lock, or where something is left afterwards (named in the message).
base::Result<UninstallReport> uninstall(const kernel::Paths& paths, unsigned drain_seconds);

}  // namespace shunt::sync
