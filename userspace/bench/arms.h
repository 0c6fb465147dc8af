// SPDX-License-Identifier: Apache-2.0
// The ways of bringing a connection to the proxy that are compared, and a running instance of each.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/dial.h"
#include "bench/workplace.h"
#include "sync/controller.h"
#include "telemetry/snapshot.h"

namespace shunt::bench {

enum class Mechanism { kNone, kIptablesLegacy, kIptablesNft, kNftables, kShunt };

struct ArmSpec {
    std::string name;
    Mechanism mechanism = Mechanism::kNone;
    std::string meaning;   // one line, for reports
    bool policy = true;    // enforces the policy; false: Istio's chain with default flags
    bool v6 = true;        // the proxy listens on [::], and IPv6 is captured
    bool record = false;   // shunt's lane: record
    bool forgets = false;  // conntrack drops closed connections after a second instead of the kernel's ten
};

// In the order of reports; "direct" and "direct-again" come first.
const std::vector<ArmSpec>& all_arms();

// Why an arm cannot run here; empty: it can.
std::string missing_for(const ArmSpec& spec);

enum class Ends { kDialled, kNone };  // a client and a proxy that time connect(), or none: a stage starts its own

class Arm {
public:
    // Namespace, cgroups, proxy, redirection, client; all in a place of its own. Destinations are those of `dialled`;
    // of a policy of that size, where it is not given. `folder` names cgroups and pins; empty: the arm's name.
    static base::Result<Arm> start(const Workplace& place, const ArmSpec& spec, const PolicySize& size, int cpu,
                                   const std::optional<PolicySize>& dialled = {}, const std::string& folder = {},
                                   Ends ends = Ends::kDialled);

    const ArmSpec& spec() const { return spec_; }
    const std::string& folder() const { return folder_; }
    const Netns& netns() const { return netns_; }
    // In their order; only those wanted, where any is named.
    std::vector<Family> families(const std::vector<Family>& wanted) const;
    Worker& client() { return *client_; }
    Worker& proxy() { return *proxy_; }
    sync::Controller* controller() { return controller_ ? &*controller_ : nullptr; }
    kernel::Paths paths() const { return paths_; }
    // What shunt enforces, as text; `listeners` more than the policy says.
    std::string configuration(const Workplace& place, unsigned listeners) const;
    // Milliseconds to put another configuration into force: for shunt one with one more listener, for the packet filter
    // the whole set of rules, which is how it takes changes. 0: nothing to change.
    base::Result<double> apply_change(const Workplace& place);

    // Connections redirected so far, as the mechanism itself counts them; empty for a direct arm.
    base::Result<std::optional<std::uint64_t>> hits() const;

private:
    Arm() = default;
    base::Status redirect(const Workplace& place);
    base::Status load_filter() const;

    ArmSpec spec_;
    std::string folder_;
    PolicySize size_;
    Netns netns_;
    kernel::Paths paths_;
    std::optional<sync::Controller> controller_;
    std::optional<Worker> client_, proxy_;
};

}  // namespace shunt::bench
