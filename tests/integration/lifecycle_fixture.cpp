// SPDX-License-Identifier: Apache-2.0
#include "lifecycle_fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace shunt::harness {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string content(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0;)
        text.append(buffer, static_cast<std::size_t>(got));
    return text;
}

}  // namespace

std::string to_text(const Ran& ran) {
    return "exit " + std::to_string(ran.code) + "\nstdout: " + ran.out + "\nstderr: " + ran.err;
}

Process::Process(const std::vector<std::string>& words)
    : out_(check(memfd_create("out", MFD_CLOEXEC), "memfd")), err_(check(memfd_create("err", MFD_CLOEXEC), "memfd")) {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const auto parent = getpid();
    pid_ = check(fork(), "fork");
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    dup2(out_.get(), 1);
    dup2(err_.get(), 2);
    execvp(arguments[0], arguments.data());
    dprintf(2, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(127);
}

Process::~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

std::string Process::out() const { return content(out_.get()); }

std::string Process::err() const { return content(err_.get()); }

bool Process::says(const std::string& words) const {
    const auto deadline = std::chrono::steady_clock::now() + 180s;
    while (err().find(words) == std::string::npos) {
        siginfo_t info{};
        const bool ended =
            waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
        if (ended || std::chrono::steady_clock::now() > deadline) return err().find(words) != std::string::npos;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

void Process::signal(int number) const { signal_process(pid_, number); }

Ran Process::wait() {
    int status = 0;
    check(waitpid(pid_, &status, 0), "waitpid");
    pid_ = -1;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, content(out_.get()), content(err_.get())};
}

ScratchCgroup::ScratchCgroup(std::string path) : path_(std::move(path)) {
    check(mkdir(path_.c_str(), 0755), "cgroup " + path_);
}

ScratchCgroup::~ScratchCgroup() {
    for (int attempt = 0; rmdir(path_.c_str()) < 0 && errno == EBUSY && attempt < 200; ++attempt)
        std::this_thread::sleep_for(5ms);
}

ForeignProgram::ForeignProgram(const std::string& cgroup, std::uint16_t refused_port, std::uint32_t flags)
    : cgroup_(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup)) {
    const bpf_insn code[] = {
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1},
        {BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(bpf_sock_addr, user_port), 0},
        {BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 1, htons(refused_port)},
        {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
        {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
    program_ = Fd(
        check(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "t_foreign", "GPL", code, std::size(code), &opts), "load"));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    check(bpf_obj_get_info_by_fd(program_.get(), &info, &size), "program info");
    id_ = info.id;
    check(bpf_prog_attach(program_.get(), cgroup_.get(), BPF_CGROUP_INET4_CONNECT, flags), "attach to " + cgroup);
}

ForeignProgram::~ForeignProgram() { bpf_prog_detach2(program_.get(), cgroup_.get(), BPF_CGROUP_INET4_CONNECT); }

bool ForeignProgram::attached() const {
    __u32 ids[64] = {}, count = 64, flags = 0;
    check(bpf_prog_query(cgroup_.get(), BPF_CGROUP_INET4_CONNECT, 0, &flags, ids, &count), "query");
    return std::find(ids, ids + count, id_) != ids + count;
}

void enter_private_mounts(const std::string& cgroup2_point) {
    check(unshare(CLONE_NEWNS), "unshare");
    check(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
    while (umount2("/sys/fs/bpf", MNT_DETACH) == 0) {
    }
    while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0) {
    }
    if (cgroup2_point.empty()) return;
    if (!cgroup2_point.starts_with("/sys/fs/cgroup/")) {
        check(mount("none", cgroup2_point.c_str(), "cgroup2", 0, nullptr), "mount cgroup2 at " + cgroup2_point);
        return;
    }
    check(mount("none", "/sys/fs/cgroup", "tmpfs", 0, nullptr), "mount a tmpfs");
    fs::create_directories(cgroup2_point);
    check(mount("none", cgroup2_point.c_str(), "cgroup2", 0, nullptr), "mount cgroup2 at " + cgroup2_point);
}

KernelIds pinned_ids(const std::string& pin_dir) {
    KernelIds ids;
    for (const auto& entry : fs::recursive_directory_iterator(pin_dir)) {
        if (entry.is_directory()) continue;
        const Fd fd(check(bpf_obj_get(entry.path().c_str()), entry.path()));
        // One call for all three kinds: the kernel tells by the length it fills in, so the place decides.
        const auto folder = entry.path().parent_path().filename().string();
        if (folder == "links") continue;
        if (folder == "iter") {
            bpf_link_info info{};
            __u32 size = sizeof info;
            check(bpf_obj_get_info_by_fd(fd.get(), &info, &size), entry.path());
            ids.programs.insert(info.prog_id);
        } else if (folder == "progs") {
            bpf_prog_info info{};
            __u32 size = sizeof info;
            check(bpf_obj_get_info_by_fd(fd.get(), &info, &size), entry.path());
            ids.programs.insert(info.id);
        } else {
            bpf_map_info info{};
            __u32 size = sizeof info;
            check(bpf_obj_get_info_by_fd(fd.get(), &info, &size), entry.path());
            ids.maps.insert(info.id);
        }
    }
    return ids;
}

KernelIds still_there(const KernelIds& ids) {
    KernelIds left;
    for (const auto id : ids.programs)
        if (Fd(bpf_prog_get_fd_by_id(id))) left.programs.insert(id);
    for (const auto id : ids.maps)
        if (Fd(bpf_map_get_fd_by_id(id))) left.maps.insert(id);
    return left;
}

std::vector<std::string> Lifecycle::words(const std::vector<std::string>& rest, const std::string& pin_dir,
                                          const std::string& run_dir) const {
    std::vector<std::string> line{shunt_binary(), "--pin-dir", pin_dir.empty() ? sandbox_.pin_dir() : pin_dir,
                                  "--run-dir", run_dir.empty() ? sandbox_.run_dir() : run_dir};
    line.insert(line.end(), rest.begin(), rest.end());
    return line;
}

nlohmann::json Lifecycle::status() const {
    const auto ran = shunt({"status", "-o", "json"});
    if (ran.out.empty()) throw std::runtime_error("status: " + to_text(ran));
    return nlohmann::json::parse(ran.out);
}

std::string Lifecycle::write(const std::string& name, const std::string& config) const {
    const auto path = sandbox_.directory() + "/" + name;
    std::ofstream file(path, std::ios::trunc);
    file << sandbox_.localise(config);
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
    return path;
}

std::map<std::string, std::uint32_t> Lifecycle::links(const std::string& field) const {
    std::map<std::string, std::uint32_t> found;
    const auto now = status();
    for (const auto& link : now.at("links")) found[link.at("pin")] = link.at(field);
    return found;
}

void Lifecycle::expect_proxied(const Placement& place, const std::string& destination) {
    const auto outcome = dial(place, {.destination = destination});
    EXPECT_EQ(outcome.line.rfind("proxy " + destination + " ", 0), 0u) << to_text(outcome);
}

void Lifecycle::expect_direct(const Placement& place, const std::string& destination) {
    const auto outcome = dial(place, {.destination = destination});
    EXPECT_EQ(outcome.line.rfind("direct " + destination + " ", 0), 0u) << to_text(outcome);
}

std::string lifecycle_config(const std::string& lane, const std::string& more, const std::string& cgroups) {
    return "proxy:\n"
           "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
           "  identity: { cgroup: /mesh/proxy }\n"
           "  lane: " +
           lane +
           "\n"
           "capture:\n"
           "  cgroups: [" +
           cgroups +
           "]\n"
           "  excludeOutboundIPRanges: [198.51.100.0/24, \"2001:db8:1::/48\"]\n" +
           more;
}

}  // namespace shunt::harness
