// SPDX-License-Identifier: Apache-2.0
#include "harness/child.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "harness/error.h"

namespace shunt::harness {

namespace {

void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    check(static_cast<int>(syscall(SYS_capset, &header, data)), "capset");
}

int reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace

void enter(const Placement& place) {
    if (!place.cgroup.empty()) {
        const Fd procs(check(open((place.cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC), place.cgroup));
        check(static_cast<int>(write(procs.get(), "0", 1)), "join " + place.cgroup);
    }
    if (!place.netns.empty()) {
        const Fd netns(check(open(place.netns.c_str(), O_RDONLY | O_CLOEXEC), place.netns));
        check(setns(netns.get(), CLONE_NEWNET), "setns " + place.netns);
    }
    if (place.uid != 0 || place.gid != 0 || !place.groups.empty()) {
        // Capabilities survive the change of ids, so that any uid may still set SO_MARK or bind a low port.
        check(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), "securebits");
        check(setgroups(place.groups.size(), place.groups.data()), "setgroups");
        check(setresgid(place.gid, place.gid, place.gid), "setresgid");
        check(setresuid(place.uid, place.uid, place.uid), "setresuid");
    }
    if (!place.privileged) drop_capabilities();
    check(prctl(PR_SET_PDEATHSIG, SIGKILL), "pdeathsig");  // again: a change of ids clears it
}

std::uint64_t raise_open_files(std::uint64_t wanted) {
    rlimit limit{};
    check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    const rlimit both{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
    if (setrlimit(RLIMIT_NOFILE, &both) == 0) return wanted;
    limit.rlim_cur = limit.rlim_max;
    check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    return limit.rlim_cur;
}

void send_text(int fd, const std::string& text) {
    if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) fail_errno("control socket: send");
}

std::string receive_text(int fd) {
    const auto receive = [fd](char* to, std::size_t size, int flags) {
        ssize_t got = 0;
        while ((got = recv(fd, to, size, flags)) < 0 && errno == EINTR) {
        }
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    };
    // First its length: a buffer for the longest one would cost more to clear than the message takes to arrive.
    std::string text(receive(nullptr, 0, MSG_PEEK | MSG_TRUNC), '\0');
    text.resize(receive(text.data(), text.size(), 0));
    return text;
}

Child::Child(const Placement& place, const std::function<void(int control)>& body) {
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
    control_ = Fd(ends[0]);
    Fd theirs(ends[1]);
    const auto parent = getpid();
    std::fflush(nullptr);
    pid_ = check(fork(), "fork");
    if (pid_ != 0) return;
    int code = 0;
    try {
        check(prctl(PR_SET_PDEATHSIG, SIGKILL), "pdeathsig");
        if (getppid() != parent) _exit(1);
        control_.close();
        signal(SIGPIPE, SIG_IGN);
        enter(place);
        body(theirs.get());
    } catch (const std::exception& error) {
        const auto text = std::string("error: ") + error.what();
        if (send(theirs.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) std::perror(text.c_str());
        code = 1;
    }
    _exit(code);  // never back into the test's own code, whose destructors would clean up twice
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), control_(std::move(other.control_)) {}

void signal_process(pid_t pid, int number) {
    if (pid <= 1) throw std::runtime_error("no process to signal: pid " + std::to_string(pid));
    check(::kill(pid, number), "signal " + std::to_string(number) + " to pid " + std::to_string(pid));
}

Child::~Child() { kill(); }

std::string Child::ask(const std::string& command) const {
    send_text(control_.get(), command);
    auto answer = receive_text(control_.get());
    if (answer.empty()) throw std::runtime_error("helper process ended while asked: " + command);
    if (answer.rfind("error: ", 0) == 0) throw std::runtime_error(answer);
    return answer;
}

void Child::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap(std::exchange(pid_, -1));
}

std::string run_in(const Placement& place, const std::function<std::string()>& body) {
    const Child child(place, [&](int control) { send_text(control, "ok: " + body()); });
    const auto answer = receive_text(child.control());
    if (answer.rfind("ok: ", 0) != 0) throw std::runtime_error("helper process: " + (answer.empty() ? "died" : answer));
    return answer.substr(4);
}

std::string run_command(const Placement& place, const std::vector<std::string>& command, const std::string& input) {
    int in[2], out[2];
    check(pipe2(in, O_CLOEXEC), "pipe");
    Fd in_read(in[0]), in_write(in[1]);
    check(pipe2(out, O_CLOEXEC), "pipe");
    Fd out_read(out[0]), out_write(out[1]);
    const auto pid = check(fork(), "fork");
    if (pid == 0) {
        try {
            enter(place);
            dup2(in_read.get(), 0);
            dup2(out_write.get(), 1);
            std::vector<char*> arguments;
            for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
            arguments.push_back(nullptr);
            execvp(arguments[0], arguments.data());
            std::perror(command[0].c_str());
        } catch (const std::exception& error) {
            dprintf(out_write.get(), "%s\n", error.what());
        }
        _exit(127);
    }
    in_read.close();
    out_write.close();
    // Inputs here are far below a pipe's capacity, so writing first cannot block.
    if (!input.empty() && write(in_write.get(), input.data(), input.size()) < 0) fail_errno("write to " + command[0]);
    in_write.close();
    std::string output;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(out_read.get(), buffer, sizeof buffer)) > 0;) {
        output.append(buffer, static_cast<std::size_t>(got));
    }
    const auto status = reap(pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::string line;
        for (const auto& word : command) line += word + " ";
        throw std::runtime_error(line + "failed:\n" + output + "input:\n" + input);
    }
    return output;
}

}  // namespace shunt::harness
