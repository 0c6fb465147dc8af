// SPDX-License-Identifier: Apache-2.0
#include "kernel/link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "kernel/pins.h"

namespace shunt::kernel {
namespace {

std::string program_label(std::uint32_t id) {
    const Fd fd(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    std::string label = "program id " + std::to_string(id);
    if (fd && bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0 && info.name[0])
        label += std::string(" (") + info.name + ")";
    return label;
}

// A program attached without BPF_F_ALLOW_MULTI anywhere above keeps everybody below from attaching.
std::string program_in_the_way(const Cgroup& cgroup, bpf_attach_type type) {
    for (std::filesystem::path path = cgroup.path; path.has_relative_path(); path = path.parent_path()) {
        const Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fd) return {};
        __u32 flags = 0;
        __u32 ids[64] = {};
        __u32 count = 64;
        if (bpf_prog_query(fd.get(), type, 0, &flags, ids, &count) != 0) return {};
        if (count > 0 && !(flags & BPF_F_ALLOW_MULTI))
            return program_label(ids[0]) + " attached to " + path.string() +
                   (flags & BPF_F_ALLOW_OVERRIDE ? " with BPF_F_ALLOW_OVERRIDE" : " without BPF_F_ALLOW_MULTI") +
                   " is in the way";
    }
    return {};
}

std::string type_name(int type) {
    const char* name = libbpf_bpf_attach_type_str(static_cast<bpf_attach_type>(type));
    return name ? name : std::to_string(type);
}

template <class Get>
std::optional<bool> exists(Get get, std::uint32_t id) {
    const Fd fd(get(id));
    if (fd) return true;
    if (errno == ENOENT) return false;
    return std::nullopt;
}

}  // namespace

base::Result<LinkInfo> read_link(const std::string& pin) {
    const auto fd = open_link(pin);
    if (!fd) return tl::unexpected(fd.error());
    return link_info(*fd, pin);
}

base::Result<Fd> open_link(const std::string& pin) {
    Fd fd(bpf_obj_get(pin.c_str()));
    if (!fd) return tl::unexpected(base::errno_error("link " + pin, errno));
    return fd;
}

base::Status pin_link(const Fd& link, const std::string& pin) {
    if (bpf_obj_pin(link.get(), pin.c_str()) != 0)
        return tl::unexpected(base::errno_error("link " + pin + ": pin", errno));
    return {};
}

base::Result<LinkInfo> link_info(const Fd& link, const std::string& label) {
    bpf_link_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0)
        return tl::unexpected(base::errno_error("link " + label + ": info", errno));
    return LinkInfo{info.id, info.prog_id, info.cgroup.cgroup_id, type_name(static_cast<int>(info.cgroup.attach_type))};
}

base::Status attach(const Program& program, const Cgroup& cgroup, const std::string& pin) {
    const std::string label = "attach " + program.name + " to " + cgroup.path;
    const Fd directory(open(cgroup.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return tl::unexpected(base::errno_error(label, errno));
    const auto type = static_cast<bpf_attach_type>(program.attach_type);
    const Fd link(bpf_link_create(program.fd, directory.get(), type, nullptr));
    if (!link) {
        auto error = base::errno_error(label, errno);
        const auto blocker = program_in_the_way(cgroup, type);
        if (!blocker.empty()) {
            error.code = base::ExitCode::kFailure;
            error.message += ": " + blocker;
        }
        return tl::unexpected(error);
    }
    // Unpinned, the link goes with its descriptor: nothing stays attached that is not in the directory.
    if (bpf_obj_pin(link.get(), pin.c_str()) != 0)
        return tl::unexpected(base::errno_error(label + ": pin " + pin, errno));
    return {};
}

base::Status replace(const Program& program, const std::string& pin) {
    const auto link = open_link(pin);
    if (!link) return tl::unexpected(link.error());
    return replace(program, *link, pin);
}

base::Status replace(const Program& program, const Fd& link, const std::string& label) {
    if (bpf_link_update(link.get(), program.fd, nullptr) != 0)
        return tl::unexpected(base::errno_error("link " + label + ": update to the new " + program.name, errno));
    return {};
}

base::Status detach(const std::string& pin) {
    const Fd link(bpf_obj_get(pin.c_str()));
    if (!link && errno == ENOENT) return {};
    if (!link) return tl::unexpected(base::errno_error("link " + pin, errno));
    // In this order no reader finds a link that is pinned and detached, and a link that lost its pin goes with us.
    if (auto removed = unpin(pin); !removed) return removed;
    // Of a link that lost its cgroup: ENOLINK, it is detached already.
    if (bpf_link_detach(link.get()) != 0 && errno != ENOLINK && errno != ENOENT)
        return tl::unexpected(base::errno_error("link " + pin + ": detach", errno));
    return {};
}

base::Status move_pin(const std::string& from, const std::string& to) {
    if (rename(from.c_str(), to.c_str()) == 0) return {};
    return tl::unexpected(base::errno_error("move the pin " + from + " to " + to, errno));
}

base::Result<Fd> open_program(const std::string& name, const std::string& path) {
    Fd fd(bpf_obj_get(path.c_str()));
    if (!fd) return tl::unexpected(base::errno_error("program " + name + ": " + path, errno));
    return fd;
}

base::Status pin_program(const Program& program, const std::string& path) {
    if (auto removed = unpin(path); !removed) return removed;
    if (bpf_obj_pin(program.fd, path.c_str()) != 0)
        return tl::unexpected(base::errno_error("program " + program.name + ": pin " + path, errno));
    return {};
}

base::Result<std::uint32_t> pinned_program_id(const std::string& path) {
    const Fd fd(bpf_obj_get(path.c_str()));
    if (!fd) return tl::unexpected(base::errno_error("program " + path, errno));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return tl::unexpected(base::errno_error("program " + path + ": info", errno));
    return info.id;
}

std::optional<bool> program_exists(std::uint32_t id) { return exists(bpf_prog_get_fd_by_id, id); }
std::optional<bool> map_exists(std::uint32_t id) { return exists(bpf_map_get_fd_by_id, id); }

}  // namespace shunt::kernel
