// SPDX-License-Identifier: Apache-2.0
// Where everything happens: a mount namespace, a bpffs, a cgroup and network namespaces of its own. All but the cgroups
// goes with the process, however it ends; cgroups of a run that was killed are removed by the next one.
#pragma once

#include <string>

#include "base/result.h"
#include "kernel/fd.h"

namespace shunt::bench {

class Workplace {
public:
    // Moves the calling process into a private mount namespace. Programs on the root cgroup, if somebody attached some
    // there, run for the measured connections of every arm.
    static base::Result<Workplace> make();
    Workplace(const Workplace&) = delete;
    Workplace& operator=(const Workplace&) = delete;
    Workplace(Workplace&& other) noexcept;
    Workplace& operator=(Workplace&&) = delete;
    ~Workplace();

    const std::string& directory() const { return directory_; }  // private, tmpfs
    std::string bpffs() const { return directory_ + "/bpf"; }
    const std::string& cgroup() const { return cgroup_; }                                     // absolute
    std::string configured(const std::string& arm) const { return "/" + name_ + "/" + arm; }  // as shunt.yaml names it
    std::string captured(const std::string& arm) const { return cgroup_ + "/" + arm; }
    std::string app(const std::string& arm) const { return captured(arm) + "/app"; }
    std::string proxy(const std::string& arm) const { return captured(arm) + "/proxy"; }
    base::Status make_cgroups(const std::string& arm) const;

    // Removes the cgroups; what is in them has to be gone. Also done by the destructor, which cannot say what failed.
    base::Status remove();

private:
    Workplace() = default;
    std::string name_, directory_, cgroup_;
};

// A network namespace with lo up and a default route through a device nobody answers on, as a pod has one; with IPv6
// where the kernel has it.
struct Netns {
    kernel::Fd fd;
    bool v6 = false;
};
base::Result<Netns> make_netns();

// Sets /proc/sys/net/KEY of that namespace.
base::Status set_sysctl(const Netns& netns, const std::string& key, const std::string& value);

}  // namespace shunt::bench
