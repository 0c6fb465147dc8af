// SPDX-License-Identifier: Apache-2.0
// Forked helper processes with a chosen place: network namespace, cgroup, uid and gid.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/fd.h"

namespace shunt::harness {

struct Placement {
    std::string netns;   // file below /run/netns, as a path; empty: the caller's
    std::string cgroup;  // directory; empty: the caller's
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;  // supplementary
    bool privileged = true;             // keep all capabilities, whatever the uid
};

// Puts the calling process there. Sockets made afterwards belong to that cgroup and carry those ids.
void enter(const Placement& place);

// Raises this process's limit of open files, which its children inherit, towards `wanted`: above the hard limit only
// where CAP_SYS_RESOURCE allows it. Returns the limit in force.
std::uint64_t raise_open_files(std::uint64_t wanted);

// kill(), for one process that exists: the pid of a process that is gone, -1, would mean everybody on the machine.
void signal_process(pid_t pid, int number);

// One message on a control socket (SOCK_SEQPACKET). receive() gives "" when the other end is gone.
void send_text(int fd, const std::string& text);
std::string receive_text(int fd);

// A process that lives as long as this object, and dies with the test even where that is killed.
class Child {
public:
    // `body` runs in the new process, already in its place, with its end of the control socket.
    Child(const Placement& place, const std::function<void(int control)>& body);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    int control() const { return control_.get(); }
    std::string ask(const std::string& command) const;  // send one message, wait for one
    void kill();                                        // SIGKILL and reap

private:
    pid_t pid_ = -1;
    Fd control_;
};

// Runs `body` in a fresh process in that place and returns its text; throws what it threw.
std::string run_in(const Placement& place, const std::function<std::string()>& body);

// Runs a command there with `input` on its standard input and returns its standard output; standard error stays the
// test's. Throws where the command does not end with 0.
std::string run_command(const Placement& place, const std::vector<std::string>& command, const std::string& input = {});

}  // namespace shunt::harness
