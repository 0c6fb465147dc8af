// SPDX-License-Identifier: Apache-2.0
#include "kernel/effective.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <cerrno>

#include "kernel/fd.h"

namespace shunt::kernel {
namespace {

constexpr __u32 kMaxPrograms = 1024;

// libbpf has names for types, not types for names.
base::Result<bpf_attach_type> type_of(const std::string& name) {
    for (int type = 0; type < __MAX_BPF_ATTACH_TYPE; ++type) {
        const char* known = libbpf_bpf_attach_type_str(static_cast<bpf_attach_type>(type));
        if (known && name == known) return static_cast<bpf_attach_type>(type);
    }
    return base::fail("unknown attach type " + name);
}

}  // namespace

std::string program_name(std::uint32_t id) {
    const Fd fd(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) return {};
    return info.name;
}

base::Result<std::vector<EffectiveProgram>> effective_programs(const std::string& cgroup_path,
                                                               const std::string& attach_type) {
    const auto type = type_of(attach_type);
    if (!type) return tl::unexpected(type.error());
    const Fd fd(open(cgroup_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return tl::unexpected(base::errno_error("cgroup " + cgroup_path, errno));
    std::vector<__u32> ids(kMaxPrograms);
    __u32 count = kMaxPrograms;
    if (bpf_prog_query(fd.get(), *type, BPF_F_QUERY_EFFECTIVE, nullptr, ids.data(), &count) != 0)
        return tl::unexpected(base::errno_error("cgroup " + cgroup_path + ": programs of " + attach_type, errno));
    std::vector<EffectiveProgram> programs;
    for (__u32 i = 0; i < count; ++i) programs.push_back({ids[i], program_name(ids[i])});
    return programs;
}

}  // namespace shunt::kernel
