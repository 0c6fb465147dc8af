// SPDX-License-Identifier: Apache-2.0
#include "harness/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "harness/error.h"
#include "harness/iptables.h"
#include "harness/netns.h"

namespace shunt::harness {

namespace {

namespace fs = std::filesystem;

// The lock file goes away with its holder, so whoever waited for it must see whether it still is the named one.
Fd take_lock(const std::string& path) {
    for (;;) {
        Fd file(check(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path));
        check(flock(file.get(), LOCK_EX), "lock " + path);
        struct stat held {
        }, named{};
        check(fstat(file.get(), &held), path);
        if (stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino) return file;
    }
}

std::string prefix() {
    const char* given = std::getenv("SHUNT_SANDBOX_PREFIX");
    return given ? given : "shunt-t-";
}

// Only processes inside the test's own cgroup: those the test started.
void empty_cgroup(const std::string& path) {
    std::ifstream procs(path + "/cgroup.procs");
    for (pid_t pid = 0; procs >> pid;) {
        if (pid > 1) ::kill(pid, SIGKILL);
    }
}

// With what lies below it.
void remove_cgroup(const std::string& path) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(path, none))
        if (entry.is_directory()) remove_cgroup(entry.path());
    for (int attempt = 0; rmdir(path.c_str()) < 0 && errno != ENOENT; ++attempt) {
        if (errno != EBUSY || attempt == 200) fail_errno("remove cgroup " + path);
        empty_cgroup(path);
        std::this_thread::sleep_for(std::chrono::milliseconds(attempt < 20 ? 1 : 10));
    }
}

void set_sysctls(const std::string& netns) {
    run_in({.netns = netns}, [] {
        for (const char* scope : {"all", "default"}) {
            const std::string v4 = std::string("net/ipv4/conf/") + scope, v6 = std::string("net/ipv6/conf/") + scope;
            set_sysctl(v4 + "/rp_filter", "0");
            set_sysctl(v6 + "/accept_dad", "0");
            set_sysctl(v6 + "/accept_ra", "0");
        }
        set_sysctl("net/ipv6/conf/default/addr_gen_mode", "1");  // no link-local address but the ones given here
        set_sysctl("net/ipv4/tcp_fastopen", "3");
        set_sysctl("net/core/somaxconn", "65535");
        return std::string();
    });
}

std::string second_netns(const std::string& name) { return "/run/netns/" + name + "-c2"; }

// Asking for one link makes the kernel handle its carrier now; left to itself it may take a second, and lose a SYN.
constexpr char kSettle[] = "link show dev eth0\n";

}  // namespace

std::string current_test_name() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    if (info == nullptr) throw std::runtime_error("a sandbox is named after a running test");
    std::string word;
    for (const char c : std::string(info->test_suite_name()) + "-" + info->name()) {
        word += isalnum(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(tolower(c)) : '-';
    }
    return word;
}

std::string cgroup2_mount() {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        const auto dash = line.find(" - cgroup2 ");
        if (dash == std::string::npos) continue;
        std::istringstream fields(line);
        std::string field;
        for (int i = 0; i < 5; ++i) fields >> field;
        return field;
    }
    throw std::runtime_error("no cgroup2 hierarchy is mounted");
}

Sandbox::Sandbox(const std::string& name) : name_(prefix() + name), cgroup_mount_(cgroup2_mount()) {
    lock_ = take_lock("/run/" + name_ + ".lock");
    clean();
    for (const auto& path : {root_cgroup(), app_cgroup(), proxy_cgroup()}) check(mkdir(path.c_str(), 0755), path);
    fs::create_directories(directory() + "/bpf");
    fs::create_directories(run_dir());
    chmod(directory().c_str(), 0700);
    check(mount("bpf", (directory() + "/bpf").c_str(), "bpf", 0, "mode=0700"), "mount a bpffs");

    create_netns(client_netns());
    create_netns(server_netns());
    const std::string c4 = kClientV4, s4 = kServerV4, c6 = kClientV6, s6 = kServerV6;
    set_sysctls(client_netns());
    set_sysctls(server_netns());
    run_command(client_side(), {"ip", "-batch", "-"},
                "link set lo up\n"
                "link add eth0 type veth peer name eth0 netns " +
                    name_ +
                    "-s\n"
                    "address add " +
                    c4 +
                    "/30 brd + dev eth0\n"
                    "address add " +
                    c6 +
                    "/64 dev eth0 nodad\n"
                    "address add " +
                    kClientLinkLocal +
                    "/64 dev eth0 nodad\n"
                    "link set eth0 up\n");
    // AnyIP: `local` routes for everything in the main table; the connected networks there are more specific.
    run_command(server_side(), {"ip", "-batch", "-"},
                "link set lo up\n"
                "address add " +
                    s4 +
                    "/30 brd + dev eth0\n"
                    "address add " +
                    s6 +
                    "/64 dev eth0 nodad\n"
                    "address add " +
                    kServerLinkLocal +
                    "/64 dev eth0 nodad\n"
                    "link set eth0 up\n"
                    "route add local 0.0.0.0/0 dev lo table main\n"
                    "route add local ::/0 dev lo table main\n" +
                    kSettle);
    run_command(client_side(), {"ip", "-batch", "-"},
                std::string(kSettle) + "route add default via " + s4 + "\nroute add default via " + s6 + "\n");
    // In a phase of vmtest: whatever the test is about, it has to end the same beside that chain.
    if (std::getenv("SHUNT_TEST_INBOUND_CHAIN") != nullptr) load_istio_inbound_chain(client_side());
}

Sandbox::~Sandbox() {
    try {
        clean();
        unlink(("/run/" + name_ + ".lock").c_str());
    } catch (const std::exception& error) {
        ADD_FAILURE() << "sandbox " << name_ << " left something behind: " << error.what();
    }
}

void Sandbox::clean() {
    // The bpffs first: with its pins go the links, and with them everything that is attached to the cgroups.
    while (umount2((directory() + "/bpf").c_str(), MNT_DETACH) == 0) {
    }
    for (const auto& path : {proxy_cgroup(), app_cgroup(), root_cgroup()}) remove_cgroup(path);
    remove_netns(client_netns());
    remove_netns(server_netns());
    remove_netns(second_netns(name_));
    fs::remove_all(directory());
}

std::string Sandbox::second_client_netns() const {
    const auto path = second_netns(name_);
    create_netns(path);
    set_sysctls(path);
    run_command({.netns = path}, {"ip", "link", "set", "lo", "up"});
    return path;
}

std::string Sandbox::localise(std::string config) const {
    const std::string from = "/mesh", to = "/" + name_;
    for (std::size_t at = 0; (at = config.find(from, at)) != std::string::npos; at += to.size()) {
        config.replace(at, from.size(), to);
    }
    return config;
}

}  // namespace shunt::harness
