// SPDX-License-Identifier: Apache-2.0
#include "harness/shunt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "harness/error.h"

namespace shunt::harness {

namespace {

using namespace std::chrono_literals;

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::uint64_t> growth(const std::map<std::string, std::uint64_t>& now,
                                            const std::map<std::string, std::uint64_t>& before) {
    std::map<std::string, std::uint64_t> result;
    for (const auto& [name, count] : now) {
        const auto found = before.find(name);
        const auto old = found == before.end() ? 0 : found->second;
        if (count != old) result[name] = count - old;
    }
    return result;
}

}  // namespace

std::string shunt_binary() { return SHUNT_BINARY; }

std::uint64_t Counters::sum_of_reasons() const {
    std::uint64_t sum = 0;
    for (const auto& entry : reasons) sum += entry.second;
    return sum;
}

Counters Counters::since(const Counters& before) const {
    return {growth(reasons, before.reasons), growth(lanes, before.lanes), growth(events, before.events),
            runs - before.runs};
}

std::string to_text(const std::map<std::string, std::uint64_t>& counts) {
    std::string text;
    for (const auto& [name, count] : counts) text += (text.empty() ? "" : " ") + name + "=" + std::to_string(count);
    return text;
}

RunningShunt::RunningShunt(const Sandbox& sandbox, const std::string& config)
    : sandbox_(sandbox), binary_(shunt_binary()) {
    write_config(config);
    start();
}

RunningShunt::~RunningShunt() {
    try {
        if (installed_) uninstall();
    } catch (const std::exception& error) {
        ADD_FAILURE() << "uninstall: " << error.what() << "\n" << log();
    }
    if (pid_ > 0) kill9();
}

std::vector<std::string> RunningShunt::command_line(const std::vector<std::string>& words) const {
    std::vector<std::string> line{binary_, "--pin-dir", sandbox_.pin_dir(), "--run-dir", sandbox_.run_dir()};
    line.insert(line.end(), words.begin(), words.end());
    return line;
}

std::string RunningShunt::command(const std::vector<std::string>& words) const {
    return run_command({}, command_line(words));
}

std::string RunningShunt::log() const { return read_file(sandbox_.directory() + "/shunt.log"); }

void RunningShunt::write_config(const std::string& config) const {
    std::ofstream file(config_path(), std::ios::trunc);
    file << sandbox_.localise(config);
    if (!file.flush()) throw std::runtime_error("cannot write " + config_path());
}

void RunningShunt::start() {
    const auto from = log().size();
    const auto line = command_line({"run", "-c", config_path()});
    const auto log_path = sandbox_.directory() + "/shunt.log";
    const auto parent = getpid();
    pid_ = check(fork(), "fork");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int out = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (out < 0 || getppid() != parent) _exit(127);
        dup2(out, 1);
        dup2(out, 2);
        std::vector<char*> arguments;
        for (const auto& word : line) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        execv(arguments[0], arguments.data());
        dprintf(2, "%s: %s\n", arguments[0], std::strerror(errno));
        _exit(127);
    }
    installed_ = true;  // even half-way: whatever it pinned is to be removed
    wait_for("ready", from);
}

void RunningShunt::wait_for(const std::string& word, std::size_t from) {
    const auto began = std::chrono::steady_clock::now(), deadline = began + 180s;
    while (log().find(word, from) == std::string::npos) {
        int status = 0;
        const bool ended = waitpid(pid_, &status, WNOHANG) == pid_;
        if (ended) pid_ = -1;
        if (ended || std::chrono::steady_clock::now() > deadline) {
            if (!ended) kill9();
            installed_ = log().find("No such file or directory") == std::string::npos;
            const std::string how = !ended                ? " did not get there"
                                    : WIFSIGNALED(status) ? " died of signal " + std::to_string(WTERMSIG(status))
                                                          : " ended with status " + std::to_string(WEXITSTATUS(status));
            throw std::runtime_error("shunt" + how + " before it said \"" + word + "\":\n" + log().substr(from));
        }
        // Each look costs an emulated processor as much as it gives the one that is waited for.
        const auto waited = std::chrono::steady_clock::now() - began;
        std::this_thread::sleep_for(std::clamp<std::chrono::nanoseconds>(waited / 32, 2ms, 20ms));
    }
}

void RunningShunt::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            kill9();
            throw std::runtime_error("shunt did not end after SIGTERM:\n" + log());
        }
        std::this_thread::sleep_for(2ms);
    }
    pid_ = -1;
}

void RunningShunt::kill9() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void RunningShunt::reload(const std::string& config) {
    const auto from = log().size();
    write_config(config);
    signal_process(pid_, SIGHUP);
    wait_for("reloaded: generation", from);
}

Counters RunningShunt::counters() const {
    const auto json = nlohmann::json::parse(command({"counters", "-o", "json"}));
    return {json.at("reasons"), json.at("lanes"), json.at("events"), json.at("runs")};
}

std::string RunningShunt::uninstall() {
    stop();
    installed_ = false;
    return command({"uninstall", "--drain", "0"});
}

}  // namespace shunt::harness
