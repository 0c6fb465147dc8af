// SPDX-License-Identifier: Apache-2.0
#include "real_proxy.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <thread>

#include "harness/error.h"
#include "harness/listen.h"

namespace shunt::peers {
namespace {

using namespace std::chrono_literals;
using harness::check;

// Squid refuses to work as root; this user is on every Debian (base-passwd).
constexpr char kSquidUser[] = "proxy";

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::string envoy_binary() {
    auto path = harness::run_command({}, {SHUNT_SOURCE_DIR "/scripts/envoy.sh", SHUNT_BUILD_DIR});
    while (!path.empty() && path.back() == '\n') path.pop_back();
    return path;
}

// Squid keeps segments of fixed names in /dev/shm and removes them only when it ends in its own time: it gets a
// /dev/shm of its own, or two tests at once would share them and a killed one would leave them.
void take_own_shared_memory() {
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");
    check(mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777,size=16m"), "mount /dev/shm");
}

void run_with_output(const std::vector<std::string>& command, const std::string& output) {
    const auto file = check(open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), output);
    check(dup2(file, STDOUT_FILENO), "dup2");
    check(dup2(file, STDERR_FILENO), "dup2");
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    harness::fail_errno(command[0]);
}

}  // namespace

RealProxy::RealProxy(const harness::Sandbox& sandbox, Kind kind, bool dual) : own_log_(kind == Kind::kSquid) {
    std::string name = "/tmp/shunt-t-peers-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) harness::fail_errno(name);
    directory_ = name;
    const auto* user = getpwnam(kSquidUser);
    if (user == nullptr) throw std::runtime_error(std::string("there is no user ") + kSquidUser);
    check(chown(name.c_str(), user->pw_uid, user->pw_gid), "chown " + name);

    const auto command = prepare(kind, dual);
    child_.emplace(sandbox.proxy(), [&](int) {
        if (kind == Kind::kSquid) take_own_shared_memory();
        run_with_output(command, directory_ + "/output");
    });
    wait_until_listening();
}

RealProxy::~RealProxy() {
    child_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::vector<std::string> RealProxy::prepare(Kind kind, bool dual) const {
    std::string text, file;
    std::vector<std::string> command;
    if (kind == Kind::kEnvoy) {
        text = read_file(SHUNT_SOURCE_DIR "/examples/quickstart/envoy.yaml");
        if (dual) text = replace_all(text, "address: 0.0.0.0,", "address: \"::\", ipv4_compat: true,");
        file = directory_ + "/envoy.yaml";
        command = {envoy_binary(),
                   "-c",
                   file,
                   "--concurrency",
                   "1",
                   "--disable-hot-restart",
                   "--log-level",
                   "warning",
                   "--file-flush-interval-msec",
                   "20"};
    } else if (kind == Kind::kHaproxy) {
        // "v4v6" is the dual-stack socket.
        text =
            replace_all(read_file(SHUNT_PEERS_DIR "/haproxy.cfg"), "@BIND@", dual ? ":::15001 v4v6" : "0.0.0.0:15001");
        file = directory_ + "/haproxy.cfg";
        command = {"haproxy", "-db", "-f", file};
    } else {
        text = replace_all(read_file(SHUNT_PEERS_DIR "/squid.conf"), "@BIND@", dual ? "[::]:15001" : "0.0.0.0:15001");
        text = replace_all(text, "@USER@", kSquidUser);
        file = directory_ + "/squid.conf";
        command = {"squid", "-N", "-f", file};
    }
    std::ofstream(file) << replace_all(text, "@DIR@", directory_);
    chmod(file.c_str(), 0644);
    return command;
}

void RealProxy::wait_until_listening() const {
    for (int i = 0; i < 3000; ++i) {
        if (harness::listens(child_->pid(), 15001)) return;
        std::this_thread::sleep_for(20ms);
    }
    throw std::runtime_error("the proxy does not listen on port 15001 after 60 s:\n" + output());
}

std::string RealProxy::log_path() const { return directory_ + (own_log_ ? "/access.log" : "/output"); }

std::string RealProxy::output() const {
    return read_file(directory_ + "/output") + (own_log_ ? read_file(directory_ + "/cache.log") : "");
}

std::vector<Seen> RealProxy::seen(std::size_t at_least) const {
    static const std::regex line("(\\S+) dst=(\\S+) port=(\\d+) src=(\\S+)");
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    for (;;) {
        const auto text = read_file(log_path());
        std::vector<Seen> result;
        for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
            const std::string address = (*match)[2], port = (*match)[3];
            const bool v6 = address.find(':') != std::string::npos;
            result.push_back({(*match)[1], (v6 ? "[" + address + "]" : address) + ":" + port, (*match)[4]});
        }
        if (result.size() >= at_least || std::chrono::steady_clock::now() > deadline) return result;
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace shunt::peers
