// SPDX-License-Identifier: Apache-2.0
// What the tests of the life cycle share: commands with their exit codes, foreign programs and cgroups, private mounts.
#pragma once

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "harness/dial.h"
#include "harness/dialer.h"
#include "harness/error.h"
#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"

namespace shunt::harness {

struct Ran {
    int code = -1;  // of exit(); 128 + signal otherwise
    std::string out, err;
};

std::string to_text(const Ran& ran);

// A command that runs beside the test; ended with the object where it has not ended itself.
class Process {
public:
    explicit Process(const std::vector<std::string>& words);
    Process(const Process&) = delete;
    ~Process();
    pid_t pid() const { return pid_; }
    std::string out() const;  // so far
    std::string err() const;
    bool says(const std::string& words) const;  // on standard error, while it runs
    void signal(int number) const;
    Ran wait();

private:
    pid_t pid_ = -1;
    Fd out_, err_;
};

inline Ran run_process(const std::vector<std::string>& words) { return Process(words).wait(); }

// A directory of the cgroup2 hierarchy below the sandbox's own; empty when it goes.
class ScratchCgroup {
public:
    explicit ScratchCgroup(std::string path);
    ScratchCgroup(const ScratchCgroup&) = delete;
    ~ScratchCgroup();
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

// Somebody else's connect4 program, attached without a link: lets everything pass but connections to one port (EPERM).
class ForeignProgram {
public:
    ForeignProgram(const std::string& cgroup, std::uint16_t refused_port, std::uint32_t flags);
    ForeignProgram(const ForeignProgram&) = delete;
    ~ForeignProgram();
    std::uint32_t id() const { return id_; }
    bool attached() const;

private:
    Fd program_, cgroup_;
    std::uint32_t id_ = 0;
};

// In the calling process, which becomes the only one to see it: no bpffs, and cgroup2 where `cgroup2_point` says
// (empty: nowhere), as on a machine with that layout. Everything goes with the process.
void enter_private_mounts(const std::string& cgroup2_point);

// Every id of a program or map that a pin directory holds, by walking its pins.
struct KernelIds {
    std::set<std::uint32_t> programs, maps;
};
KernelIds pinned_ids(const std::string& pin_dir);
KernelIds still_there(const KernelIds& ids);

class Lifecycle : public testing::Test {
protected:
    std::vector<std::string> words(const std::vector<std::string>& rest, const std::string& pin_dir = {},
                                   const std::string& run_dir = {}) const;
    Ran shunt(const std::vector<std::string>& rest) const { return run_process(words(rest)); }
    nlohmann::json status() const;
    std::string write(const std::string& name, const std::string& config) const;  // localised; its path
    // Pin name -> link id (or, with "program", the id of the program in it).
    std::map<std::string, std::uint32_t> links(const std::string& field = "link") const;

    Placement in(const std::string& cgroup) const {
        return {.netns = sandbox_.client_netns(), .cgroup = sandbox_.root_cgroup() + "/" + cgroup};
    }
    static void expect_proxied(const Placement& place, const std::string& destination = "203.0.113.9:80");
    static void expect_direct(const Placement& place, const std::string& destination = "203.0.113.9:80");

    const Sandbox sandbox_;
};

// Both families, the proxy known by its cgroup.
std::string lifecycle_config(const std::string& lane = "auto", const std::string& more = {},
                             const std::string& cgroups = "/mesh");

}  // namespace shunt::harness
