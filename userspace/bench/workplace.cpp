// SPDX-License-Identifier: Apache-2.0
#include "bench/workplace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "bench/process.h"
#include "kernel/cgroup.h"

namespace shunt::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "shunt-bench-";

base::Error failed(const std::string& what) { return base::errno_error(what, errno); }

// Children first; a cgroup whose last process is just gone stays busy for a moment.
base::Status remove_tree(const std::string& cgroup) {
    std::error_code error;
    std::vector<std::string> below;
    for (const auto& entry : fs::directory_iterator(cgroup, error))
        if (entry.is_directory(error)) below.push_back(entry.path());
    for (const auto& child : below)
        if (auto removed = remove_tree(child); !removed) return removed;
    for (int attempt = 0; rmdir(cgroup.c_str()) != 0; ++attempt) {
        if (errno == ENOENT) return {};
        if (errno != EBUSY || attempt == 200) return tl::unexpected(failed("remove cgroup " + cgroup));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {};
}

// Of runs that were killed: the process their name tells of is gone, so nobody is in them any more.
void remove_stale(const std::string& mount) {
    std::error_code error;
    std::vector<std::string> stale;
    for (const auto& entry : fs::directory_iterator(mount, error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(kPrefix)) continue;
        const auto pid = static_cast<pid_t>(std::strtol(name.c_str() + std::string(kPrefix).size(), nullptr, 10));
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) stale.push_back(entry.path());
    }
    for (const auto& cgroup : stale) (void)remove_tree(cgroup);
}

base::Status make_private_mounts(const std::string& directory) {
    if (unshare(CLONE_NEWNS) != 0) return tl::unexpected(failed("a mount namespace of its own"));
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return tl::unexpected(failed("private mounts"));
    if (mount("tmpfs", directory.c_str(), "tmpfs", 0, "mode=0700") != 0)
        return tl::unexpected(failed("a tmpfs on " + directory));
    const auto bpf = directory + "/bpf";
    if (mkdir(bpf.c_str(), 0700) != 0) return tl::unexpected(failed(bpf));
    if (mount("bpf", bpf.c_str(), "bpf", 0, "mode=0700") != 0) return tl::unexpected(failed("a bpffs on " + bpf));
    return {};
}

}  // namespace

base::Result<Workplace> Workplace::make() {
    if (geteuid() != 0)
        return base::fail("bench needs root: it makes network namespaces, cgroups and BPF programs of its own",
                          base::ExitCode::kPermission);
    auto mount_point = kernel::cgroup2_mount();
    if (!mount_point) return tl::unexpected(mount_point.error());
    remove_stale(*mount_point);
    Workplace place;
    place.name_ = kPrefix + std::to_string(getpid());
    std::string directory = "/tmp/" + std::string(kPrefix) + "XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) return tl::unexpected(failed(directory));
    place.directory_ = directory;
    if (auto made = make_private_mounts(directory); !made) return tl::unexpected(made.error());
    const auto cgroup = *mount_point + "/" + place.name_;
    if (mkdir(cgroup.c_str(), 0755) != 0) return tl::unexpected(failed("cgroup " + cgroup));
    place.cgroup_ = cgroup;
    return place;
}

Workplace::Workplace(Workplace&& other) noexcept
    : name_(std::move(other.name_)),
      directory_(std::exchange(other.directory_, {})),
      cgroup_(std::exchange(other.cgroup_, {})) {}

Workplace::~Workplace() { (void)remove(); }

base::Status Workplace::make_cgroups(const std::string& arm) const {
    for (const auto& path : {captured(arm), app(arm), proxy(arm)})
        if (mkdir(path.c_str(), 0755) != 0) return tl::unexpected(failed("cgroup " + path));
    return {};
}

base::Status Workplace::remove() {
    base::Status status;
    if (!directory_.empty()) {
        // The bpffs first: with its pins go the links.
        umount2(bpffs().c_str(), MNT_DETACH);
        umount2(directory_.c_str(), MNT_DETACH);
        rmdir(directory_.c_str());
        directory_.clear();
    }
    if (!cgroup_.empty()) {
        status = remove_tree(cgroup_);
        cgroup_.clear();
    }
    return status;
}

base::Result<Netns> make_netns() {
    Netns netns;
    std::string problem;
    // A thread of its own enters the new namespace; the process stays where it is.
    std::thread([&] {
        if (unshare(CLONE_NEWNET) == 0) netns.fd = kernel::Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        if (!netns.fd) problem = failed("a network namespace").message;
    }).join();
    if (!netns.fd) return base::fail(problem);
    const Seat seat{.netns = netns.fd.get()};
    const auto ip = find_program("ip");
    if (ip.empty()) return base::fail("ip is not installed (package iproute2)");
    const auto v4 = run_program(seat, {ip, "-batch", "-"},
                                "link set lo up\n"
                                "link add eth0 type veth peer name eth1\n"
                                "address add 192.0.2.2/24 dev eth0\n"
                                "link set eth0 up\n"
                                "link set eth1 up\n"
                                "route add default via 192.0.2.1 dev eth0\n");
    if (!v4) return tl::unexpected(v4.error());
    const auto v6 = run_program(seat, {ip, "-6", "-batch", "-"},
                                "address add 2001:db8:ffff::2/64 dev eth0 nodad\n"
                                "route add default via 2001:db8:ffff::1 dev eth0\n");
    netns.v6 = v6.has_value();
    return netns;
}

base::Status set_sysctl(const Netns& netns, const std::string& key, const std::string& value) {
    const auto path = "/proc/sys/net/" + key;
    base::Status status;
    std::thread([&] {
        if (setns(netns.fd.get(), CLONE_NEWNET) != 0) {
            status = tl::unexpected(failed("enter a network namespace"));
            return;
        }
        const kernel::Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file || write(file.get(), value.data(), value.size()) < 0) status = tl::unexpected(failed(path));
    }).join();
    return status;
}

}  // namespace shunt::bench
