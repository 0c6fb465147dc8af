// SPDX-License-Identifier: Apache-2.0
// The program under test, run as users run it: the binary, a configuration file, its command line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/sandbox.h"

namespace shunt::harness {

struct Counters {
    std::map<std::string, std::uint64_t> reasons, lanes, events;
    std::uint64_t runs = 0;
    std::uint64_t sum_of_reasons() const;
    // What grew since `before`; names that did not grow are absent.
    Counters since(const Counters& before) const;
};

std::string to_text(const std::map<std::string, std::uint64_t>& counts);  // "listener=1 unmatched=3"

class RunningShunt {
public:
    // Localises and writes the configuration, starts `shunt run` and waits until it says that it protects.
    RunningShunt(const Sandbox& sandbox, const std::string& config);
    RunningShunt(const RunningShunt&) = delete;
    ~RunningShunt();  // ends the controller and uninstalls

    void start();  // again, after stop() or kill9(); the file is the one written last
    void stop();   // SIGTERM, and wait: redirection stays
    void use(std::string binary) { binary_ = std::move(binary); }  // from the next start or command on
    void kill9();
    void write_config(const std::string& config) const;
    void reload(const std::string& config);  // writes, SIGHUP, waits until it says that it applied (or throws)
    Counters counters() const;
    std::string uninstall();  // stops the controller if need be; returns what it printed
    pid_t pid() const { return pid_; }

    std::string log() const;  // its standard error so far
    std::string config_path() const { return sandbox_.directory() + "/config.yaml"; }
    // shunt --pin-dir ... --run-dir ... <words>; the output, or an exception.
    std::string command(const std::vector<std::string>& words) const;
    std::vector<std::string> command_line(const std::vector<std::string>& words) const;

private:
    void wait_for(const std::string& word, std::size_t from);

    const Sandbox& sandbox_;
    std::string binary_;
    pid_t pid_ = -1;
    bool installed_ = false;
};

std::string shunt_binary();  // its path, which may not exist yet

}  // namespace shunt::harness
