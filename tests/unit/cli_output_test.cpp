// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace shunt::cli {
namespace {

Json sample() {
    return {{"state", "protected"},
            {"pinDirectory", "/p"},
            {"why", Json::array()},
            {"lists", {"a", "b"}},
            {"links", {{{"cgroup", "/mesh"}, {"link", 7}}, {{"cgroup", "/m"}, {"link", 123}}}},
            {"controller", {{"running", true}, {"lastError", nullptr}}}};
}

TEST(Output, Table) {
    EXPECT_EQ(render_table(sample()),
              "state:          protected\n"
              "pin directory:  /p\n"
              "why:            -\n"
              "lists:          a, b\n"
              "\n"
              "CGROUP  LINK\n"
              "/mesh      7\n"
              "/m       123\n"
              "controller:\n"
              "  running:     yes\n"
              "  last error:  -\n");
}

TEST(Output, TableOfRows) {
    const Json rows{{{"reason", "listener"}, {"count", 5}},
                    {{"reason", "port_listener"}, {"count", nullptr}, {"note", "x"}}};
    EXPECT_EQ(render_table(rows),
              "REASON         COUNT  NOTE\n"
              "listener           5\n"
              "port_listener      -  x\n");
}

TEST(Output, Json) {
    EXPECT_EQ(Json::parse(render_json(sample())), sample());
    EXPECT_EQ(render_json(Json{{"a", "\xff"}}).find('\xff'), std::string::npos) << "invalid UTF-8 must not pass";
}

TEST(Output, YamlKeepsTextsText) {
    EXPECT_EQ(render_yaml({{"name", "web"},
                           {"route", "9080"},
                           {"flag", "true"},
                           {"nothing", nullptr},
                           {"none", ""},
                           {"on", true},
                           {"count", 5}}),
              "name: web\n"
              "route: \"9080\"\n"
              "flag: \"true\"\n"
              "nothing: ~\n"
              "none: \"\"\n"
              "\"on\": true\n"
              "count: 5\n");
    EXPECT_EQ(render_yaml({{"empty", Json::array()}, {"list", {1, "a: b"}}}),
              "empty: []\nlist:\n  - 1\n  - \"a: b\"\n");
}

TEST(Output, RecordsAreLinesOrDocuments) {
    CaptureOutput out;
    out.set_format(Format::kJson);
    out.record({{"a", 1}});
    out.record({{"a", 2}});
    EXPECT_EQ(out.printed, "{\"a\":1}\n{\"a\":2}\n");
    CaptureOutput yaml;
    yaml.set_format(Format::kYaml);
    yaml.record({{"a", 1}});
    yaml.record({{"a", 2}});
    EXPECT_EQ(yaml.printed, "---\na: 1\n---\na: 2\n");
}

TEST(Output, TableMayDifferFromData) {
    CaptureOutput out;
    out.emit({{"all", 2}}, {{"some", 1}});
    EXPECT_EQ(out.printed, "some:  1\n");
}

TEST(Output, ReaderThatWentAwayIsNoError) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    FileOutput out(ends[1]);
    EXPECT_TRUE(out.closed()) << "seen before anything is written";
    out.text("x");
    EXPECT_TRUE(out.closed());
    EXPECT_TRUE(out.finish());
    close(ends[1]);
    std::signal(SIGPIPE, before);
}

TEST(Output, FullPipeIsNotReady) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    FileOutput out(ends[1]);
    const std::string page(4096, 'x');
    int written = 0;
    while (written < 1000 && out.ready(std::chrono::milliseconds(0))) {
        out.text(page);
        ++written;
    }
    EXPECT_GT(written, 0);
    EXPECT_LT(written, 1000);
    EXPECT_FALSE(out.closed());
    std::string buffer(page);
    ASSERT_EQ(read(ends[0], buffer.data(), buffer.size()), 4096);
    EXPECT_TRUE(out.ready(std::chrono::milliseconds(0)));
    close(ends[0]);
    EXPECT_TRUE(out.closed());
    close(ends[1]);
}

TEST(Output, FullDiskIsAnError) {
    const int fd = open("/dev/full", O_WRONLY);
    ASSERT_GE(fd, 0);
    FileOutput out(fd);
    out.text("x");
    const auto finished = out.finish();
    ASSERT_FALSE(finished);
    EXPECT_NE(finished.error().message.find("ENOSPC"), std::string::npos);
    close(fd);
}

}  // namespace
}  // namespace shunt::cli
