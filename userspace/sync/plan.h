// SPDX-License-Identifier: Apache-2.0
// Which program belongs on which cgroup. Plain values in, plain values out.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kernel/cgroup.h"
#include "model/mesh.h"
#include "policy/tables.h"

namespace shunt::sync {

struct Attachment {
    std::string program;  // shunt_connect4
    kernel::Cgroup cgroup;
};

struct ScopePlacement {
    std::vector<kernel::Cgroup> cgroups;
    std::optional<kernel::Cgroup> proxy;  // proxy.identity.cgroup of the scope's settings
};

struct Placement {
    std::vector<kernel::Cgroup> captured;  // of the base scope and the others; what lies below another one is left out
    std::vector<std::string> dropped;      // paths of capture.cgroups that were left out for that reason
    std::optional<kernel::Cgroup> proxy;   // of the base scope
    std::vector<ScopePlacement> scopes;    // one for each of the mesh's
    std::vector<kernel::Cgroup> named;     // everything that the configuration captures, each once
};

base::Result<Placement> place(const model::Mesh& mesh);
// Would place() find the same cgroups again? A system call for each; place() costs many times that.
bool is_still(const Placement& placement);
// The same cgroups, as the tables name them.
policy::Resolved resolve(const Placement& placement);

// Can a connection need the record lane (and sockops with it)? v6 captured, lane: record, or a proxy that does not
// listen on the v4 wildcard address. A sockops program costs each connection of its cgroup something, so it is attached
// only then.
bool needs_record_lane(const model::Settings& settings);
bool needs_record_lane(const model::Mesh& mesh);  // in any scope

// In the order of attaching: what answers questions first, connect last, so that no connection is redirected before
// its original destination can be told. Removal is the reverse.
std::vector<Attachment> plan(const model::Mesh& mesh, const Placement& placement);

// Every program, in that order.
inline constexpr std::array<const char*, 10> kProgramOrder{
    "shunt_origdst",   "shunt_sockops", "shunt_peername4", "shunt_peername6", "shunt_sockname4",
    "shunt_sockname6", "shunt_bind4",   "shunt_bind6",     "shunt_connect6",  "shunt_connect4"};
// Position of a program in that order; unknown names come first.
int order_of(const std::string& program);
bool is_connect(const std::string& program);
std::string program_of_pin(const std::string& pin);  // "shunt_connect4_1234" -> "shunt_connect4"

}  // namespace shunt::sync
