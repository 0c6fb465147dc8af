// SPDX-License-Identifier: Apache-2.0
// The processes of the captured cgroups, by network namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace shunt::diagnose {

struct Namespace {
    std::uint64_t inode = 0;
    pid_t through = 0;            // a process whose /proc/PID/ns/net leads there
    std::vector<pid_t> captured;  // may be empty: the doctor's own namespace where nothing is captured
    std::string label() const;    // "the network namespace of nginx (pid 4711)"
};

struct Workload {
    std::vector<Namespace> namespaces;  // at least one
    bool empty = true;                  // no process is in a captured cgroup
};

Workload find_workload(const std::vector<std::string>& cgroups);

// Processes of that cgroup (absolute path) and of those below it.
std::vector<pid_t> processes_of(const std::string& cgroup);
std::string command_of(pid_t pid);
std::string cgroup_of(pid_t pid);  // below the cgroup2 mount; empty where it is gone
// Of these processes, absolute; those of processes that ended are missing.
std::set<std::string> cgroups_of(const std::vector<pid_t>& pids);
std::uint64_t netns_of(pid_t pid);
std::set<std::uint64_t> socket_inodes(pid_t pid);

// Runs `body` inside that namespace, on a thread of its own; false where it could not be entered.
bool inside(const Namespace& place, const std::function<void()>& body);

}  // namespace shunt::diagnose
