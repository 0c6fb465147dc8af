// SPDX-License-Identifier: Apache-2.0
// What a path may lead to besides a good file: each is one clear error, and none of them makes the reader wait.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "config/loader.h"
#include "config/source.h"

namespace {

using shunt::base::ExitCode;
using shunt::config::load_file;

const char* const kGood = "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1] } }\ncapture: { cgroups: [/mesh] }\n";

class ConfigSource : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "shunt-t-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        const std::string path = folder_ + "/" + name;
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    void expect_error(const std::string& path, const std::string& message, ExitCode code = ExitCode::kFailure) {
        const auto loaded = load_file(path);
        ASSERT_FALSE(loaded);
        EXPECT_EQ(loaded.error().message, path + message);
        EXPECT_EQ(loaded.error().code, code);
    }
    std::string folder_;
};

TEST_F(ConfigSource, GoodFileAndLinkToIt) {
    const auto path = write("good.yaml", kGood);
    ASSERT_EQ(symlink("good.yaml", (folder_ + "/link.yaml").c_str()), 0);
    EXPECT_TRUE(load_file(path));
    EXPECT_TRUE(load_file(folder_ + "/link.yaml"));
}

TEST_F(ConfigSource, Missing) {
    expect_error(folder_ + "/no.yaml", ": No such file or directory (ENOENT); expected a readable file");
}

TEST_F(ConfigSource, Directory) { expect_error(folder_, ": is a directory; expected a file"); }

TEST_F(ConfigSource, Fifo) {
    const std::string path = folder_ + "/fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    expect_error(path, ": is a FIFO; expected a regular file");
}

TEST_F(ConfigSource, Device) { expect_error("/dev/zero", ": is a device or a socket; expected a regular file"); }

// In a child, because root reads everything.
TEST_F(ConfigSource, Unreadable) {
    const auto path = write("secret.yaml", kGood);
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
        const auto loaded = load_file(path);
        const bool right =
            !loaded && loaded.error().message == path + ": Permission denied (EACCES); expected a readable file";
        _exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

// /proc/self/io counts what is read from it too, so no two looks agree.
TEST_F(ConfigSource, ChangingWhileItIsRead) {
    expect_error("/proc/self/io",
                 ": changed while it was read; expected a file that is replaced as a whole, as mv does");
}

// Whatever moment a reader hits, a file that is replaced by rename() is the old one or the new one.
TEST_F(ConfigSource, ReplacedWhileItIsRead) {
    const std::string versions[] = {std::string(kGood) + "#" + std::string(300000, 'a') + "\n",
                                    std::string(kGood) + "#" + std::string(300000, 'b') + "\n"};
    const auto path = write("config.yaml", versions[0]);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        for (int i = 0; !done; ++i) std::filesystem::rename(write("next", versions[i % 2]), path);
    });
    for (int i = 0; i < 200; ++i) {
        const auto text = shunt::config::read_source(path);
        ASSERT_TRUE(text) << text.error().message;
        EXPECT_TRUE(*text == versions[0] || *text == versions[1]);
    }
    done = true;
    writer.join();
}

TEST_F(ConfigSource, HundredMegabytes) {
    const auto path = write("large.yaml", kGood);
    {
        std::ofstream file(path, std::ios::app);
        const std::string line = "# " + std::string(1021, 'x') + "\n";
        for (int i = 0; i < 100 * 1024; ++i) file << line;
    }
    expect_error(path, ":1:1: document: larger than 64 MiB; expected at most 67108864 bytes", ExitCode::kConfigInvalid);
}

TEST_F(ConfigSource, SizeLimit) {
    const auto path = write("large.yaml", std::string(kGood) + "#");
    ASSERT_EQ(truncate(path.c_str(), shunt::config::kMaxBytes + 1), 0);
    expect_error(path, ":1:1: document: larger than 64 MiB; expected at most 67108864 bytes", ExitCode::kConfigInvalid);
    ASSERT_EQ(truncate(path.c_str(), shunt::config::kMaxBytes), 0);
    const auto text = shunt::config::read_source(path);
    ASSERT_TRUE(text);
    EXPECT_EQ(text->size(), shunt::config::kMaxBytes);
    shunt::config::Problems problems(path);
    shunt::config::check_source(*text, problems);
    ASSERT_EQ(problems.errors().size(), 1u);  // truncate() filled it with NUL bytes; the size is no problem
    EXPECT_NE(problems.errors()[0].find("a NUL byte"), std::string::npos);
}

TEST_F(ConfigSource, EmptyFileNamesWhatIsMissing) {
    expect_error(write("empty.yaml", ""),
                 ":1:1: document: no value; expected a map with proxy, capture, outboundTrafficPolicy, "
                 "onInternalError, listeners, routes, clusters, metrics, scopes, watch or source",
                 ExitCode::kConfigInvalid);
}

}  // namespace
