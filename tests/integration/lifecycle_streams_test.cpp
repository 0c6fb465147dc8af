// SPDX-License-Identifier: Apache-2.0
// Every command that prints, with every kind of standard output that a shell can give it: nobody is left with half of
// an answer, with a broken exit code or with noise.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <sstream>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

struct Printed {
    int code = -1;
    std::string out, err;
};

class LifecycleStreams : public Lifecycle {
protected:
    // The commands that --help lists, each with arguments that let it print. One that is not known here prints its
    // help.
    std::vector<std::vector<std::string>> commands() const {
        const std::map<std::string, std::vector<std::string>> known{
            {"status", {}},
            {"connections", {}},
            {"counters", {"--all"}},
            {"doctor", {"--no-probe"}},
            {"version", {}},
            {"check", {"-c", running_.config_path(), "-o", "json"}},
            {"explain", {"--kernel", "192.0.2.1:80"}},
            {"completion", {"bash"}}};
        std::vector<std::vector<std::string>> all{{"--help"}};
        const auto help = shunt({"--help"}).out;
        const auto begin = help.find("Commands:\n") + 10;
        std::istringstream lines(help.substr(begin, help.find("\n\n", begin) - begin));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line.starts_with("   ") ? "" : line);
            std::string name;
            if (!(words >> name)) continue;
            std::vector<std::string> command{name, "--help"};
            if (const auto found = known.find(name); found != known.end()) {
                command.pop_back();
                command.insert(command.end(), found->second.begin(), found->second.end());
            }
            all.push_back(command);
        }
        EXPECT_GE(all.size(), known.size() + 4) << help;
        return all;
    }

    // Runs it with `out` as standard output (-1: closed); `beside` is called while it runs.
    Printed run(
        const std::vector<std::string>& command, int out, const std::function<void()>& beside = [] {}) const {
        const Fd err(check(memfd_create("err", MFD_CLOEXEC), "memfd"));
        auto line = words(command);
        std::vector<char*> arguments;
        for (auto& word : line) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const auto pid = check(fork(), "fork");
        if (pid == 0) {
            if (out < 0)
                close(1);
            else
                dup2(out, 1);
            dup2(err.get(), 2);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
        beside();
        int status = 0;
        check(waitpid(pid, &status, 0), "waitpid");
        Printed printed{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), "", ""};
        char buffer[65536];
        const auto size = pread(err.get(), buffer, sizeof buffer, 0);
        printed.err.assign(buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return printed;
    }

    static std::string read_all(int fd) {
        std::string text;
        char buffer[4096];
        for (;;) {
            const auto size = read(fd, buffer, sizeof buffer);
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return text;  // EIO: the last one at the other end of a terminal is gone
            text.append(buffer, static_cast<std::size_t>(size));
        }
    }

    static std::string name_of(const std::vector<std::string>& command) {
        std::string text;
        for (const auto& word : command) text += (text.empty() ? "" : " ") + word;
        return text;
    }

    // Its own open files are among what doctor prints, and the process's number among status's neighbours.
    static bool prints_the_same_twice(const std::vector<std::string>& command) { return command[0] != "doctor"; }

    const ProbeProxy proxy_{sandbox_};
    const RunningShunt running_{sandbox_, lifecycle_config()};
};

TEST_F(LifecycleStreams, AReaderThatIsGoneIsNoErrorAndNoNoise) {
    for (const auto& command : commands()) {
        const auto usual = shunt(command);
        int ends[2];
        check(pipe2(ends, O_CLOEXEC), "pipe");
        close(ends[0]);
        const auto printed = run(command, ends[1]);
        close(ends[1]);
        EXPECT_EQ(printed.code, usual.code) << name_of(command);
        EXPECT_EQ(printed.err, usual.err) << name_of(command);
    }
}

TEST_F(LifecycleStreams, ClosedAndFullAreErrorsThatAreSaid) {
    const Fd full(check(open("/dev/full", O_WRONLY | O_CLOEXEC), "/dev/full"));
    for (const auto& command : commands()) {
        const auto closed = run(command, -1);
        EXPECT_EQ(closed.code, 1) << name_of(command) << closed.err;
        EXPECT_NE(closed.err.find("standard output: Bad file descriptor (EBADF)"), std::string::npos)
            << name_of(command) << closed.err;
        const auto no_space = run(command, full.get());
        EXPECT_EQ(no_space.code, 1) << name_of(command) << no_space.err;
        EXPECT_NE(no_space.err.find("standard output: No space left on device (ENOSPC)"), std::string::npos)
            << name_of(command) << no_space.err;
    }
}

// The pipe is full when the command starts, and its writing end does not block.
TEST_F(LifecycleStreams, AFullPipeLosesNothing) {
    for (const auto& command : commands()) {
        const auto usual = shunt(command);
        int ends[2];
        check(pipe2(ends, O_CLOEXEC), "pipe");
        check(fcntl(ends[1], F_SETPIPE_SZ, 4096), "F_SETPIPE_SZ");
        check(fcntl(ends[1], F_SETFL, O_NONBLOCK), "O_NONBLOCK");
        std::size_t filled = 0;
        for (ssize_t size = 0; (size = ::write(ends[1], std::string(512, '.').data(), 512)) > 0;)
            filled += static_cast<std::size_t>(size);
        std::string got;
        const auto printed = run(command, ends[1], [&] {
            close(ends[1]);
            got = read_all(ends[0]);
        });
        close(ends[0]);
        EXPECT_EQ(printed.code, usual.code) << name_of(command) << printed.err;
        ASSERT_GE(got.size(), filled);
        if (prints_the_same_twice(command)) {
            EXPECT_EQ(got.substr(filled), usual.out) << name_of(command);
        }
        EXPECT_GT(got.size(), filled) << name_of(command);
    }
}

// A terminal of 80 columns gets what a pipe gets, and no colours, with and without NO_COLOR.
TEST_F(LifecycleStreams, ATerminalShowsWhatAPipeSees) {
    setenv("TERM", "xterm-256color", 1);
    for (const bool no_color : {false, true}) {
        no_color ? setenv("NO_COLOR", "1", 1) : unsetenv("NO_COLOR");
        for (const auto& command : commands()) {
            const auto usual = shunt(command);
            int outer = -1, inner = -1;
            const winsize size{24, 80, 0, 0};
            check(openpty(&outer, &inner, nullptr, nullptr, &size), "openpty");
            std::string got;
            const auto printed = run(command, inner, [&] {
                close(inner);
                got = read_all(outer);
            });
            close(outer);
            std::erase(got, '\r');
            EXPECT_EQ(printed.code, usual.code) << name_of(command);
            if (prints_the_same_twice(command)) {
                EXPECT_EQ(got, usual.out) << name_of(command);
            }
            EXPECT_EQ((got + printed.err).find('\033'), std::string::npos) << name_of(command);
        }
    }
    unsetenv("NO_COLOR");
}

}  // namespace
}  // namespace shunt::harness
