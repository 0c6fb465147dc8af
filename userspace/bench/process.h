// SPDX-License-Identifier: Apache-2.0
// Child processes inside a network namespace and a cgroup: workers of our own that answer requests, and other programs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/fd.h"

namespace shunt::bench {

// Where a child runs. It dies with the process that started it, and is not hit by the terminal's Ctrl-C.
struct Seat {
    int netns = -1;      // -1: the parent's
    std::string cgroup;  // absolute; empty: the parent's
    int cpu = -1;        // -1: any
    std::uint32_t uid = 0, gid = 0;
};

using Words = std::vector<std::uint64_t>;

class Worker {
public:
    // Runs in the child for each request, until the worker goes.
    using Serve = std::function<base::Result<Words>(const Words&)>;

    // `make` runs in the child, in its seat, before the first request; an error of it is returned by start().
    static base::Result<Worker> start(const Seat& seat, const std::string& name,
                                      const std::function<base::Result<Serve>()>& make);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    Worker(Worker&& other) noexcept;
    Worker& operator=(Worker&& other) noexcept;
    ~Worker();  // ends the child at once

    base::Result<Words> ask(const Words& request);
    base::Status send(const Words& request);  // the answer is fetched later
    base::Result<Words> receive(int timeout_ms = 60000);
    pid_t pid() const { return pid_; }

private:
    Worker() = default;
    std::string name_;
    pid_t pid_ = -1;
    kernel::Fd channel_;
};

// Runs a program to its end and returns what it wrote to its standard output; an error holds its standard error.
base::Result<std::string> run_program(const Seat& seat, const std::vector<std::string>& words,
                                      const std::string& input = {});

// A program that stays, such as a proxy: its output goes to a file. Ended (SIGKILL) with the object.
class Program {
public:
    static base::Result<Program> start(const Seat& seat, const std::vector<std::string>& words,
                                       const std::string& output_file);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    Program(Program&& other) noexcept;
    Program& operator=(Program&& other) noexcept;
    ~Program();
    pid_t pid() const { return pid_; }
    bool running() const;
    int stop(int signal);  // sends it and waits; the exit status as waitpid() gives it

private:
    Program() = default;
    pid_t pid_ = -1;
};

// The full path of a program, looked for in PATH and the usual directories of system programs; empty: not installed.
std::string find_program(const std::string& name);

}  // namespace shunt::bench
