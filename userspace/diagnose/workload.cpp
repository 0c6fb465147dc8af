// SPDX-License-Identifier: Apache-2.0
#include "diagnose/workload.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "kernel/cgroup.h"
#include "kernel/fd.h"

namespace shunt::diagnose {
namespace fs = std::filesystem;
namespace {

std::string proc(pid_t pid) { return "/proc/" + std::to_string(pid); }

}  // namespace

std::vector<pid_t> processes_of(const std::string& cgroup) {
    std::vector<pid_t> found;
    kernel::walk_cgroups(cgroup, [&](const std::string& path) {
        std::ifstream file(path + "/cgroup.procs");
        // 0: a process of another pid namespace, which cannot be looked at from here.
        for (pid_t pid = 0; file >> pid;)
            if (pid > 0) found.push_back(pid);
        return true;
    });
    return found;
}

std::string Namespace::label() const {
    if (captured.empty()) return "this network namespace";
    return "the network namespace of " + command_of(through) + " (pid " + std::to_string(through) + ")";
}

std::string command_of(pid_t pid) {
    std::ifstream file(proc(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return name.empty() ? "a process that ended" : name;
}

std::string cgroup_of(pid_t pid) {
    std::ifstream file(proc(pid) + "/cgroup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return {};
}

std::set<std::string> cgroups_of(const std::vector<pid_t>& pids) {
    std::set<std::string> found;
    const auto mount = kernel::cgroup2_mount();
    for (const auto pid : pids)
        if (const auto path = cgroup_of(pid); mount && !path.empty()) found.insert(*mount + path);
    return found;
}

std::uint64_t netns_of(pid_t pid) {
    struct stat info {};
    return stat((proc(pid) + "/ns/net").c_str(), &info) == 0 ? info.st_ino : 0;
}

std::set<std::uint64_t> socket_inodes(pid_t pid) {
    std::set<std::uint64_t> found;
    std::error_code error;
    for (fs::directory_iterator at(proc(pid) + "/fd", error), end; !error && at != end; at.increment(error)) {
        std::error_code ignored;
        const auto target = fs::read_symlink(at->path(), ignored).string();
        if (target.starts_with("socket:[")) found.insert(std::stoull(target.substr(8)));
    }
    return found;
}

Workload find_workload(const std::vector<std::string>& cgroups) {
    std::map<std::uint64_t, Namespace> namespaces;
    for (const auto& cgroup : cgroups) {
        for (const auto pid : processes_of(cgroup)) {
            const auto inode = netns_of(pid);
            if (inode == 0) continue;  // ended meanwhile, or a zombie
            auto& place = namespaces[inode];
            if (place.captured.empty()) place = {inode, pid, {}};
            place.captured.push_back(pid);
        }
    }
    Workload workload;
    workload.empty = namespaces.empty();
    if (workload.empty) namespaces[netns_of(getpid())] = {netns_of(getpid()), getpid(), {}};
    for (auto& [inode, place] : namespaces) workload.namespaces.push_back(std::move(place));
    return workload;
}

bool inside(const Namespace& place, const std::function<void()>& body) {
    bool entered = false;
    // setns() moves one thread only, and this one ends here.
    std::thread([&] {
        const kernel::Fd fd(open((proc(place.through) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
        entered = fd && (netns_of(getpid()) == place.inode || setns(fd.get(), CLONE_NEWNET) == 0);
        if (entered) body();
    }).join();
    return entered;
}

}  // namespace shunt::diagnose
