// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <regex>
#include <sstream>

namespace shunt::base {
namespace {

std::string logged(LogStyle style, int verbosity) {
    std::ostringstream stream;
    setup_log(stream, style, verbosity);
    spdlog::error("two\nlines\n");
    spdlog::warn("warned");
    spdlog::info("told");
    spdlog::debug("debugged");
    const std::string text = stream.str();
    setup_log(std::cerr, LogStyle::kCommand, 0);
    return text;
}

TEST(Log, JournalPrefixStandsBeforeEveryLine) {
    EXPECT_EQ(logged(LogStyle::kJournal, 0), "<3>two\n<3>lines\n<4>warned\n<6>told\n");
    EXPECT_EQ(logged(LogStyle::kJournal, 1), "<3>two\n<3>lines\n<4>warned\n<6>told\n<7>debugged\n");
}

TEST(Log, CommandStyle) {
    EXPECT_EQ(logged(LogStyle::kCommand, 0),
              "shunt: error: two\nshunt: error: lines\nshunt: warning: warned\nshunt: told\n");
}

TEST(Log, DaemonStyleHasTimeAndLevel) {
    std::istringstream lines(logged(LogStyle::kDaemon, 0));
    const std::regex shape("20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z (error  |warning|info   ) \\w+");
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(std::regex_match(line, shape)) << line;
    EXPECT_EQ(count, 4);
}

TEST(Log, JournalIsRecognisedByDeviceAndInode) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    struct stat file {};
    ASSERT_EQ(fstat(ends[1], &file), 0);
    const std::string name = std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
    EXPECT_TRUE(is_journal(name.c_str(), ends[1]));
    EXPECT_FALSE(is_journal(nullptr, ends[1]));
    EXPECT_FALSE(is_journal("", ends[1]));
    EXPECT_FALSE(is_journal((name + "0").c_str(), ends[1])) << "another file: stderr was redirected";
    EXPECT_FALSE(is_journal((name + "x").c_str(), ends[1]));
    EXPECT_FALSE(is_journal(std::to_string(file.st_dev).c_str(), ends[1]));
    EXPECT_FALSE(is_journal(name.c_str(), -1));
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace shunt::base
