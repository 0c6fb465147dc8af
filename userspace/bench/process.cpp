// SPDX-License-Identifier: Apache-2.0
#include "bench/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

namespace shunt::bench {
namespace {

constexpr std::size_t kMessage = 131072;

base::Error failed(const std::string& what) { return base::errno_error(what, errno); }

base::Status take_seat(const Seat& seat) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    if (!seat.cgroup.empty()) {
        const kernel::Fd fd(open((seat.cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (!fd || write(fd.get(), "0", 1) != 1) return tl::unexpected(failed("join " + seat.cgroup));
    }
    if (seat.netns >= 0 && setns(seat.netns, CLONE_NEWNET) != 0)
        return tl::unexpected(failed("enter a network namespace"));
    if (seat.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(seat.cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0) return tl::unexpected(failed("run on one CPU"));
    }
    if (seat.gid != 0 && (setgroups(0, nullptr) != 0 || setgid(seat.gid) != 0))
        return tl::unexpected(failed("change the group"));
    if (seat.uid != 0) {
        if (setuid(seat.uid) != 0) return tl::unexpected(failed("change the user"));
        prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of credentials clears it
    }
    return {};
}

// A message is one byte, 0 and words or 1 and an error's text.
void answer(int channel, const base::Result<Words>& result) {
    std::string bytes(1, result ? '\0' : '\1');
    if (result)
        bytes.append(reinterpret_cast<const char*>(result->data()), result->size() * sizeof(std::uint64_t));
    else
        bytes += result.error().message;
    if (::send(channel, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) _exit(1);
}

[[noreturn]] void serve(int channel, const Seat& seat, const std::function<base::Result<Worker::Serve>()>& make) {
    if (auto seated = take_seat(seat); !seated) {
        answer(channel, tl::unexpected(seated.error()));
        _exit(1);
    }
    const auto ready = make();
    if (!ready) {
        answer(channel, tl::unexpected(ready.error()));
        _exit(1);
    }
    answer(channel, Words{});
    std::vector<char> buffer(kMessage);
    for (;;) {
        const auto size = recv(channel, buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) _exit(0);
        Words request(static_cast<std::size_t>(size) / sizeof(std::uint64_t));
        std::memcpy(request.data(), buffer.data(), request.size() * sizeof(std::uint64_t));
        answer(channel, (*ready)(request));
    }
}

void end(pid_t& pid) {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid = -1;
}

std::vector<char*> argument_list(const std::vector<std::string>& words) {
    std::vector<char*> list;
    list.reserve(words.size() + 1);
    for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

[[noreturn]] void become(const Seat& seat, const std::vector<std::string>& words) {
    const auto list = argument_list(words);
    if (auto seated = take_seat(seat); !seated) {
        const auto text = seated.error().message + "\n";
        (void)!write(STDERR_FILENO, text.data(), text.size());
        _exit(126);
    }
    signal(SIGPIPE, SIG_DFL);
    execvp(list[0], list.data());
    const auto text = words[0] + ": " + std::strerror(errno) + "\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
    _exit(127);
}

// Feeds `input` and collects both outputs, whichever is ready.
void exchange(kernel::Fd in, const kernel::Fd& out, const kernel::Fd& err, std::string_view input, std::string& output,
              std::string& errors) {
    pollfd fds[3] = {{in.get(), POLLOUT, 0}, {out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}};
    if (input.empty()) {
        in = kernel::Fd();
        fds[0].fd = -1;
    }
    char buffer[16384];
    while (fds[1].fd >= 0 || fds[2].fd >= 0) {
        if (poll(fds, 3, -1) < 0 && errno != EINTR) return;
        if (fds[0].fd >= 0 && fds[0].revents != 0) {
            const auto size = write(fds[0].fd, input.data(), input.size());
            if (size > 0) input.remove_prefix(static_cast<std::size_t>(size));
            if (input.empty() || (size < 0 && errno != EAGAIN && errno != EINTR)) {
                in = kernel::Fd();
                fds[0].fd = -1;
            }
        }
        for (int i = 1; i < 3; ++i) {
            if (fds[i].fd < 0 || fds[i].revents == 0) continue;
            const auto size = read(fds[i].fd, buffer, sizeof buffer);
            if (size > 0)
                (i == 1 ? output : errors).append(buffer, static_cast<std::size_t>(size));
            else if (size == 0 || errno != EINTR)
                fds[i].fd = -1;
        }
    }
}

}  // namespace

Worker::Worker(Worker&& other) noexcept
    : name_(std::move(other.name_)), pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

Worker& Worker::operator=(Worker&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(pid_, other.pid_);
    std::swap(channel_, other.channel_);
    return *this;
}

Worker::~Worker() { end(pid_); }

base::Result<Worker> Worker::start(const Seat& seat, const std::string& name,
                                   const std::function<base::Result<Serve>()>& make) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return tl::unexpected(failed(name));
    Worker worker;
    worker.name_ = name;
    worker.channel_ = kernel::Fd(pair[0]);
    const kernel::Fd other(pair[1]);
    const pid_t pid = fork();
    if (pid < 0) return tl::unexpected(failed(name + ": fork"));
    if (pid == 0) {
        try {
            serve(pair[1], seat, make);
        } catch (const std::exception& error) {
            answer(pair[1], base::fail(error.what()));
        }
        _exit(1);
    }
    worker.pid_ = pid;
    if (auto ready = worker.receive(); !ready) return tl::unexpected(ready.error());
    return worker;
}

base::Status Worker::send(const Words& request) {
    if (::send(channel_.get(), request.data(), request.size() * sizeof(std::uint64_t), MSG_NOSIGNAL) < 0)
        return tl::unexpected(failed(name_));
    return {};
}

base::Result<Words> Worker::receive(int timeout_ms) {
    pollfd fd{channel_.get(), POLLIN, 0};
    int ready = 0;
    while ((ready = poll(&fd, 1, timeout_ms)) < 0 && errno == EINTR) {
    }
    if (ready == 0) return base::fail(name_ + ": no answer within " + std::to_string(timeout_ms / 1000) + " s");
    std::vector<char> buffer(kMessage);
    const auto size = recv(channel_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return tl::unexpected(failed(name_));
    if (size == 0) return base::fail(name_ + ": ended unexpectedly");
    if (buffer[0] != 0)
        return base::fail(name_ + ": " + std::string(buffer.data() + 1, static_cast<std::size_t>(size) - 1));
    Words words((static_cast<std::size_t>(size) - 1) / sizeof(std::uint64_t));
    std::memcpy(words.data(), buffer.data() + 1, words.size() * sizeof(std::uint64_t));
    return words;
}

base::Result<Words> Worker::ask(const Words& request) {
    if (auto sent = send(request); !sent) return tl::unexpected(sent.error());
    return receive();
}

base::Result<std::string> run_program(const Seat& seat, const std::vector<std::string>& words,
                                      const std::string& input) {
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0) return tl::unexpected(failed(words[0]));
    kernel::Fd in_read(in[0]), in_write(in[1]);
    if (pipe2(out, O_CLOEXEC) != 0) return tl::unexpected(failed(words[0]));
    kernel::Fd out_read(out[0]), out_write(out[1]);
    if (pipe2(err, O_CLOEXEC) != 0) return tl::unexpected(failed(words[0]));
    kernel::Fd err_read(err[0]), err_write(err[1]);
    const pid_t pid = fork();
    if (pid < 0) return tl::unexpected(failed(words[0] + ": fork"));
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        become(seat, words);
    }
    in_read = kernel::Fd();
    out_write = kernel::Fd();
    err_write = kernel::Fd();
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    std::string output, errors;
    exchange(std::move(in_write), out_read, err_read, input, output, errors);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    while (!errors.empty() && errors.back() == '\n') errors.pop_back();
    return base::fail(words[0] + ": " + (errors.empty() ? "failed without a message" : errors));
}

base::Result<Program> Program::start(const Seat& seat, const std::vector<std::string>& words,
                                     const std::string& output_file) {
    const kernel::Fd output(open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!output) return tl::unexpected(failed(output_file));
    const pid_t pid = fork();
    if (pid < 0) return tl::unexpected(failed(words[0] + ": fork"));
    if (pid == 0) {
        const int null = open("/dev/null", O_RDONLY);
        dup2(null, STDIN_FILENO);
        dup2(output.get(), STDOUT_FILENO);
        dup2(output.get(), STDERR_FILENO);
        become(seat, words);
    }
    Program program;
    program.pid_ = pid;
    return program;
}

Program::Program(Program&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
Program& Program::operator=(Program&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
}
Program::~Program() { end(pid_); }

bool Program::running() const {
    siginfo_t info{};
    return pid_ > 0 && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

int Program::stop(int signal) {
    int status = 0;
    kill(pid_, signal);
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
}

std::string find_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream directories(std::string(path ? path : "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (directory.empty()) continue;
        auto candidate = directory + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

}  // namespace shunt::bench
