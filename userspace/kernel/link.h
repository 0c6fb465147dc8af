// SPDX-License-Identifier: Apache-2.0
// BPF links on cgroups: attached once, pinned, replaced in place, never detached and attached again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/cgroup.h"
#include "kernel/fd.h"
#include "kernel/object.h"

namespace shunt::kernel {

struct LinkInfo {
    std::uint32_t link_id = 0;
    std::uint32_t program_id = 0;
    std::uint64_t cgroup_id = 0;  // 0: detached, or its cgroup is gone
    std::string attach_type;      // cgroup_inet4_connect, ...
};

base::Result<LinkInfo> read_link(const std::string& pin);

// A descriptor keeps a link whose pin somebody removes; `label` names it in messages.
base::Result<Fd> open_link(const std::string& pin);
base::Result<LinkInfo> link_info(const Fd& link, const std::string& label);
base::Status pin_link(const Fd& link, const std::string& pin);

// Attaches and pins at `pin`. Where a parent cgroup forbids it, the error names the program in the way.
base::Status attach(const Program& program, const Cgroup& cgroup, const std::string& pin);
// Puts another program into a pinned link; connections never see a moment without one.
base::Status replace(const Program& program, const std::string& pin);
base::Status replace(const Program& program, const Fd& link, const std::string& label);
// Detaches and unpins.
base::Status detach(const std::string& pin);

// Of a link; at no time is it pinned nowhere. Takes the place of what is pinned at `to`.
base::Status move_pin(const std::string& from, const std::string& to);

base::Status pin_program(const Program& program, const std::string& path);
base::Result<Fd> open_program(const std::string& name, const std::string& path);
base::Result<std::uint32_t> pinned_program_id(const std::string& path);

// Is the object of this id still there? Empty: may not be asked without CAP_SYS_ADMIN.
std::optional<bool> program_exists(std::uint32_t id);
std::optional<bool> map_exists(std::uint32_t id);

}  // namespace shunt::kernel
