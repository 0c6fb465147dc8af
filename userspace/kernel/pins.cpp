// SPDX-License-Identifier: Apache-2.0
#include "kernel/pins.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "kernel/mounts.h"

namespace shunt::kernel {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDefaultBpffs = "/sys/fs/bpf";

base::Result<std::string> find_bpffs(bool mount_missing) {
    auto mounts = read_mounts();
    if (!mounts) return tl::unexpected(mounts.error());
    for (const auto& mount : *mounts)
        if (mount.type == "bpf" && mount.point == kDefaultBpffs) return mount.point;
    if (!mount_missing) return base::fail("no bpffs is mounted at /sys/fs/bpf, so nothing is installed there");
    if (::mount("bpf", kDefaultBpffs, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
        return tl::unexpected(base::errno_error("mount a bpffs at /sys/fs/bpf", errno));
    return std::string(kDefaultBpffs);
}

// An ABI hash: 16 hex digits. Whatever else lies in a root is somebody else's.
bool is_layout(const std::string& root, const std::string& name) {
    std::error_code unreadable;
    return name.size() == 16 && name.find_first_not_of("0123456789abcdef") == std::string::npos &&
           fs::is_directory(root + "/" + name, unreadable);
}

}  // namespace

base::Result<std::string> pin_root(const Paths& paths, bool mount_missing) {
    if (!paths.pin_root.empty()) return paths.pin_root;
    auto bpffs = find_bpffs(mount_missing);
    if (!bpffs) return tl::unexpected(bpffs.error());
    return *bpffs + "/shunt";
}

base::Status check_pin_directory(const std::string& directory) {
    struct stat info {};
    if (lstat(directory.c_str(), &info) != 0)
        return tl::unexpected(base::errno_error("pin directory " + directory, errno));
    const auto refuse = [&](const std::string& why) {
        return base::fail("pin directory " + directory + " is refused: " + why +
                          "; remove it, or name another one with --pin-dir");
    };
    if (S_ISLNK(info.st_mode)) return refuse("it is a symbolic link");
    if (!S_ISDIR(info.st_mode)) return refuse("it is not a directory");
    if (info.st_uid != geteuid())
        return refuse("it belongs to uid " + std::to_string(info.st_uid) + ", not to uid " + std::to_string(geteuid()));
    if (info.st_mode & (S_IWGRP | S_IWOTH)) return refuse("others can write to it");
    struct statfs system {};
    if (statfs(directory.c_str(), &system) != 0)
        return tl::unexpected(base::errno_error("pin directory " + directory, errno));
    if (system.f_type != BPF_FS_MAGIC) return refuse("it is not on a bpffs");
    return {};
}

base::Status make_pin_directory(const std::string& directory) {
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return tl::unexpected(base::errno_error("pin directory " + directory, errno));
    return check_pin_directory(directory);
}

base::Result<Fd> lock(const std::string& root) {
    Fd fd(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return tl::unexpected(base::errno_error("pin directory " + root, errno));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno == EWOULDBLOCK) return Fd();
    return tl::unexpected(base::errno_error("lock " + root, errno));
}

bool is_same_file(const Fd& fd, const std::string& path) {
    struct stat opened {};
    struct stat there {};
    return fstat(fd.get(), &opened) == 0 && lstat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

base::Result<std::vector<std::string>> entries(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename());
    if (error && error.value() != ENOENT)
        return tl::unexpected<base::Error>(base::errno_error("directory " + directory, error.value()));
    std::sort(names.begin(), names.end());
    return names;
}

base::Result<std::vector<std::string>> layouts(const std::string& root) {
    auto found = entries(root);
    if (found) std::erase_if(*found, [&](const auto& name) { return !is_layout(root, name); });
    return found;
}

base::Result<std::string> layout_in_force(const std::string& root) {
    auto found = layouts(root);
    if (!found) return tl::unexpected(found.error());
    if (found->empty()) return std::string();
    if (found->size() == 1) return found->front();
    std::vector<std::string> deciding;
    for (const auto& name : *found) {
        const auto links = entries(root + "/" + name + "/links");
        if (!links) return tl::unexpected(links.error());
        if (std::any_of(links->begin(), links->end(), [](const auto& pin) { return pin.starts_with("shunt_connect"); }))
            deciding.push_back(name);
    }
    if (deciding.size() == 1) return deciding.front();
    return tl::unexpected(base::Error{
        base::ExitCode::kFailure, root + " is between two builds' layouts; a start of either settles it", {}, ENOENT});
}

base::Status check_only_layouts(const std::string& root) {
    const auto names = entries(root);
    if (!names) return tl::unexpected(names.error());
    for (const auto& name : *names)
        if (!is_layout(root, name))
            return base::fail("pin directory " + root + " is refused: it holds " + name +
                              ", which is not shunt's; name a directory of shunt's own with --pin-dir");
    return {};
}

base::Status unpin(const std::string& path) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return tl::unexpected(base::errno_error("unpin " + path, errno));
    return {};
}

base::Status remove_directory(const std::string& path) {
    if (rmdir(path.c_str()) != 0 && errno != ENOENT) return tl::unexpected(base::errno_error("remove " + path, errno));
    return {};
}

}  // namespace shunt::kernel
