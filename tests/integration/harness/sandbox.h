// SPDX-License-Identifier: Apache-2.0
// One test's world: a client and a server network namespace joined by a veth pair, two cgroups and a bpffs.
#pragma once

#include <string>

#include "harness/child.h"
#include "harness/fd.h"

namespace shunt::harness {

// Addresses inside every sandbox. The server namespace takes ANY other destination as its own.
inline constexpr char kClientV4[] = "192.0.2.2";  // of a /30, so 192.0.2.3 is its broadcast address
inline constexpr char kServerV4[] = "192.0.2.1";
inline constexpr char kClientV6[] = "2001:db8:ffff::2";
inline constexpr char kServerV6[] = "2001:db8:ffff::1";
inline constexpr char kClientLinkLocal[] = "fe80::2";
inline constexpr char kServerLinkLocal[] = "fe80::1";

// "Suite.Test/3" of the running gtest as a word that may name a namespace: "suite-test-3".
std::string current_test_name();

// Mount point of the cgroup2 hierarchy, from /proc/self/mountinfo.
std::string cgroup2_mount();

// Everything is named shunt-t-<name>; what a killed run left under that name is removed first. A second process that
// wants the same name waits until the first one is done; SHUNT_SANDBOX_PREFIX, in place of shunt-t-, keeps two runs
// apart.
class Sandbox {
public:
    explicit Sandbox(const std::string& name = current_test_name());
    Sandbox(const Sandbox&) = delete;
    ~Sandbox();

    std::string client_netns() const { return "/run/netns/" + name_ + "-c"; }
    std::string server_netns() const { return "/run/netns/" + name_ + "-s"; }
    const std::string& name() const { return name_; }                        // shunt-t-<name>
    std::string root_cgroup() const { return cgroup_mount_ + "/" + name_; }  // the one to be captured
    std::string app_cgroup() const { return root_cgroup() + "/app"; }
    std::string proxy_cgroup() const { return root_cgroup() + "/proxy"; }
    std::string directory() const { return "/run/" + name_; }
    std::string pin_dir() const { return directory() + "/bpf/shunt"; }  // on this sandbox's own bpffs; not made yet
    std::string run_dir() const { return directory() + "/run"; }

    Placement app() const { return {.netns = client_netns(), .cgroup = app_cgroup()}; }
    Placement proxy() const { return {.netns = client_netns(), .cgroup = proxy_cgroup()}; }
    Placement client_side() const { return {.netns = client_netns()}; }  // outside the captured cgroup
    Placement server_side() const { return {.netns = server_netns()}; }

    // One more network namespace, under the same captured cgroup and thus the same tables: loopback only, which is all
    // that a redirected connection needs. Gone with the sandbox.
    std::string second_client_netns() const;

    // A configuration as documentation writes it, with /mesh replaced by this sandbox's cgroup.
    std::string localise(std::string config) const;

private:
    void clean();

    std::string name_;
    std::string cgroup_mount_;
    Fd lock_;
};

}  // namespace shunt::harness
