// SPDX-License-Identifier: Apache-2.0
// The control socket, without a kernel: what the reloader applies to is a function here.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>

#include "cli_fixture.h"
#include "daemon/control_client.h"
#include "daemon/control_server.h"
#include "daemon/mender.h"
#include "daemon/notify.h"
#include "daemon/reloader.h"

namespace shunt::test {
namespace {

using base::ExitCode;

class ControlTest : public CliTest {
protected:
    static sync::ApplyReport first_report() {
        sync::ApplyReport report;
        report.generation = 1;
        report.entries = 4;
        return report;
    }

    void start() {
        auto bound = daemon::ControlServer::bind(run_dir_);
        ASSERT_TRUE(bound) << bound.error().message;
        server_ = std::move(*bound);
        server_->serve(reloader_, mender_);
    }

    base::Result<sync::ApplyReport> apply(const model::Mesh&) {
        if (!failure_.empty()) return base::fail(failure_);
        sync::ApplyReport report;
        report.generation = ++applied_ + 1;
        report.entries = 5;
        report.changed = 2;
        return report;
    }

    const std::string config_ = file("shunt.yaml", kGoodConfig);
    const std::string run_dir_ = dir_ + "/run";
    std::string failure_;
    std::uint64_t applied_ = 0;
    daemon::Reloader reloader_{config_, [this](const model::Mesh& mesh) { return apply(mesh); }, first_report()};
    daemon::Mender mender_{[] { return sync::RepairReport{}; }};
    std::unique_ptr<daemon::ControlServer> server_;
};

TEST_F(ControlTest, ReloadAppliesAndTells) {
    start();
    const Ran ran = shunt({"reload", "--run-dir", run_dir_, "-o", "json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.json()["generation"], 2);
    EXPECT_EQ(ran.json()["changed"], 2);
    EXPECT_EQ(applied_, 1u);
}

TEST_F(ControlTest, ABadFileIsRefusedWholeAndCounted) {
    start();
    file("shunt.yaml", kBadConfig);
    const Ran ran = shunt({"reload", "--run-dir", run_dir_});
    EXPECT_EQ(ran.code, 3);
    EXPECT_NE(ran.err.find(config_ + ":2:3: proxy.lisen"), std::string::npos) << ran.err;
    EXPECT_EQ(applied_, 0u) << "nothing of it may reach the kernel";
    const auto status = daemon::request_status(run_dir_);
    ASSERT_TRUE(status);
    EXPECT_EQ((*status)["generation"], 1);
    EXPECT_EQ((*status)["failedReloads"], 1);
    EXPECT_NE((*status)["lastError"].get<std::string>().find("proxy.lisen"), std::string::npos);
    file("shunt.yaml", kGoodConfig);
    EXPECT_EQ(shunt({"reload", "--run-dir", run_dir_}).code, 0);
    EXPECT_EQ((*daemon::request_status(run_dir_))["lastError"], nullptr);
}

TEST_F(ControlTest, AFailureOfTheKernelKeepsItsMessage) {
    start();
    failure_ = "map shunt_ports: update 9080: No space left on device (ENOSPC)";
    const Ran ran = shunt({"reload", "--run-dir", run_dir_});
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find(failure_), std::string::npos) << ran.err;
}

TEST_F(ControlTest, OnlyOneAndOnlyForRoot) {
    start();
    struct stat entry {};
    ASSERT_EQ(stat(run_dir_.c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 07777, 0700u);
    ASSERT_EQ(stat(daemon::control_socket(run_dir_).c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 07777, 0600u);
    const auto second = daemon::ControlServer::bind(run_dir_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another controller is running"), std::string::npos);
    EXPECT_TRUE(daemon::request_status(run_dir_)) << "the first one must not have suffered";
}

TEST_F(ControlTest, StopRemovesTheSocketAndAStaleOneIsReplaced) {
    start();
    server_->stop();
    EXPECT_FALSE(std::filesystem::exists(daemon::control_socket(run_dir_)));
    const auto gone = daemon::request_status(run_dir_);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ExitCode::kControllerUnreachable);
    std::ofstream(daemon::control_socket(run_dir_)) << "left by a controller that was killed";
    start();
    EXPECT_TRUE(daemon::request_status(run_dir_));
}

TEST_F(ControlTest, APathTooLongForASocketIsSaid) {
    const auto bound = daemon::ControlServer::bind(dir_ + "/" + std::string(120, 'x'));
    ASSERT_FALSE(bound);
    EXPECT_NE(bound.error().message.find("--run-dir"), std::string::npos);
}

// What a process of another user reads back from the socket, were its file's mode wrong; -1: no answer.
int answer_to_user(const std::string& path, uid_t user) {
    const pid_t child = fork();
    if (child == 0) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        const char request[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
        char byte = 0;
        if (setuid(user) != 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(3);
        if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) _exit(1);
        _exit(recv(fd, &byte, 1, 0) == 1 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST_F(ControlTest, AnotherUserIsRefusedWhateverTheFileModes) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to act as another user";
    start();
    const std::string path = daemon::control_socket(run_dir_);
    for (const std::string& opened : {dir_, run_dir_, path}) ASSERT_EQ(chmod(opened.c_str(), 0777), 0);
    EXPECT_EQ(answer_to_user(path, 0), 0) << "the check itself must be able to pass";
    EXPECT_EQ(answer_to_user(path, 65534), 1);
}

TEST_F(ControlTest, SystemdIsTold) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir_ + "/notify";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    char buffer[256];
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    daemon::notify("READY=1\nSTATUS=x");
    unsetenv("NOTIFY_SOCKET");
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(size)), "READY=1\nSTATUS=x");
    daemon::notify("READY=1");
    EXPECT_LT(recv(fd, buffer, sizeof buffer, 0), 0) << "nobody asked";
    close(fd);
}

}  // namespace
}  // namespace shunt::test
