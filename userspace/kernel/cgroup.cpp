// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup.h"

#include <fcntl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "kernel/fd.h"
#include "kernel/mounts.h"

namespace shunt::kernel {
namespace {

constexpr std::uint64_t kRootId = 1;  // kernfs id of every hierarchy's real root

base::Result<std::uint64_t> cgroup_id(const std::string& path) {
    // struct file_handle with the eight bytes that kernfs needs: the id.
    alignas(file_handle) char buffer[sizeof(file_handle) + 8] = {};
    auto* handle = reinterpret_cast<file_handle*>(buffer);
    handle->handle_bytes = 8;
    int mount_id = 0;
    if (name_to_handle_at(AT_FDCWD, path.c_str(), handle, &mount_id, 0) != 0)
        return tl::unexpected(base::errno_error("cgroup " + path, errno));
    std::uint64_t id = 0;
    std::memcpy(&id, handle->f_handle, sizeof id);
    return id;
}

}  // namespace

base::Result<std::string> cgroup2_mount() {
    auto mounts = read_mounts();
    if (!mounts) return tl::unexpected(mounts.error());
    const Mount* found = nullptr;
    for (const auto& mount : *mounts)
        if (mount.type == "cgroup2" && (!found || mount.point.size() < found->point.size())) found = &mount;
    if (!found)
        return base::fail(
            "no cgroup2 file system is mounted (looked in /proc/self/mountinfo); mount one: "
            "mount -t cgroup2 none /sys/fs/cgroup/unified",
            base::ExitCode::kFeatureMissing);
    return found->point;
}

base::Result<Cgroup> find_cgroup(const std::string& configured) {
    auto mount = cgroup2_mount();
    if (!mount) return tl::unexpected(mount.error());
    const bool absolute = configured == *mount || configured.starts_with(*mount + "/");
    std::error_code error;
    const auto path = std::filesystem::canonical(absolute ? configured : *mount + "/" + configured, error);
    if (error)
        return base::fail("cgroup " + configured + ": " + error.message() + " (looked for " +
                          (absolute ? configured : *mount + "/" + configured) + ")");
    if (path != *mount && !path.string().starts_with(*mount + "/"))
        return base::fail("cgroup " + configured + ": " + path.string() + " is outside the cgroup2 mount " + *mount);
    auto root = cgroup_id(*mount);
    if (!root) return tl::unexpected(root.error());
    if (*root != kRootId)
        return base::fail("cgroup2 at " + *mount +
                          " shows only a part of the hierarchy (a cgroup namespace): depths "
                          "cannot be told; run shunt in the host's cgroup namespace");
    auto id = cgroup_id(path);
    if (!id) return tl::unexpected(id.error());
    const auto relative = path == *mount ? std::string() : path.string().substr(mount->size());
    return Cgroup{path, *id, static_cast<std::uint32_t>(std::count(relative.begin(), relative.end(), '/'))};
}

bool is_still(const Cgroup& cgroup) {
    const auto id = cgroup_id(cgroup.path);
    return id && *id == cgroup.id;
}

base::Result<std::string> cgroup_path(std::uint64_t id) {
    constexpr int kFileIdKernfs = 0xfe;  // FILEID_KERNFS, which no header for userspace has
    auto mount = cgroup2_mount();
    if (!mount) return tl::unexpected(mount.error());
    alignas(file_handle) char buffer[sizeof(file_handle) + sizeof id] = {};
    auto* handle = reinterpret_cast<file_handle*>(buffer);
    handle->handle_bytes = sizeof id;
    handle->handle_type = kFileIdKernfs;
    std::memcpy(handle->f_handle, &id, sizeof id);
    const Fd mounted(open(mount->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Fd found(open_by_handle_at(mounted.get(), handle, O_PATH | O_CLOEXEC));
    if (!found) {
        if (errno == ESTALE || errno == ENOENT) return std::string();
        return tl::unexpected(base::errno_error("cgroup id " + std::to_string(id), errno));
    }
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(found.get()), error).string();
    if (error || !path.starts_with(*mount)) return std::string();
    return path == *mount ? "/" : path.substr(mount->size());
}

void walk_cgroups(const std::string& path, const std::function<bool(const std::string&)>& visit) {
    // No recursive iterator: where a directory goes before it is opened, that one ends as a whole.
    namespace fs = std::filesystem;
    std::vector<std::string> waiting{path};
    while (!waiting.empty()) {
        const auto next = std::move(waiting.back());
        waiting.pop_back();
        if (!visit(next)) return;
        std::error_code error;
        for (fs::directory_iterator at(next, error), end; !error && at != end; at.increment(error)) {
            std::error_code ignored;
            if (at->is_directory(ignored)) waiting.push_back(at->path().string());
        }
    }
}

}  // namespace shunt::kernel
