// SPDX-License-Identifier: Apache-2.0
#include "harness/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "harness/error.h"
#include "harness/fd.h"

namespace shunt::harness {

void create_netns(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const Fd file(check(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400), path));
    std::string problem;
    // A thread of its own enters the new namespace; the process stays where it is.
    std::thread([&] {
        if (unshare(CLONE_NEWNET) < 0 ||
            mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) < 0) {
            problem = std::strerror(errno);
        }
    }).join();
    if (!problem.empty()) {
        unlink(path.c_str());
        throw std::runtime_error("network namespace " + path + ": " + problem);
    }
}

void remove_netns(const std::string& path) {
    while (umount2(path.c_str(), MNT_DETACH) == 0) {
    }
    if (unlink(path.c_str()) < 0 && errno != ENOENT) fail_errno("remove " + path);
}

void set_sysctl(const std::string& key, const std::string& value) {
    const Fd file(check(open(("/proc/sys/" + key).c_str(), O_WRONLY | O_CLOEXEC), key));
    check(static_cast<int>(write(file.get(), value.data(), value.size())), key + " = " + value);
}

}  // namespace shunt::harness
