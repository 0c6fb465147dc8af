// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "config/document.h"
#include "config/loader.h"

namespace {

using namespace shunt::config;

TEST(ConfigDocument, ChildPaths) {
    EXPECT_EQ(child_path("", "proxy"), "proxy");
    EXPECT_EQ(child_path("proxy", "whenDown"), "proxy.whenDown");
    EXPECT_EQ(child_path("proxy", "a.b c"), "proxy.\"a.b c\"");
    EXPECT_EQ(child_path("list", std::size_t{3}), "list[3]");
}

TEST(ConfigDocument, PlacesCountFromOne) {
    Problems problems("f");
    const auto root = parse_document("a:\n  - x\n  - { b: \"y\" }\n", problems);
    ASSERT_TRUE(root);
    ASSERT_EQ(root->kind, Node::Kind::kMap);
    EXPECT_EQ(root->line, 1);
    EXPECT_EQ(root->entries.at(0).key.text, "a");
    const auto& list = root->entries[0].value;
    ASSERT_EQ(list.items.size(), 2u);
    EXPECT_EQ(list.items[0].line, 2);
    EXPECT_EQ(list.items[0].column, 5);
    EXPECT_EQ(list.items[1].entries.at(0).value.column, 10);
    EXPECT_FALSE(problems.has_errors());
}

TEST(ConfigDocument, ProblemsAreSortedByPlaceAndStable) {
    Problems problems("f");
    problems.error({3, 1, "c"}, "x");
    problems.error({1, 10, "b"}, "x");
    problems.error({1, 9, "a"}, "first");
    problems.error({1, 9, "a"}, "second");
    problems.error({}, "nowhere");
    const std::vector<std::string> expected{"f:1:1: document: nowhere", "f:1:9: a: first", "f:1:9: a: second",
                                            "f:1:10: b: x", "f:3:1: c: x"};
    EXPECT_EQ(problems.errors(), expected);
}

// Control bytes of every kind, broken UTF-8 at its borders: an answer, never a crash.
TEST(ConfigDocument, Utf8Borders) {
    const auto accepted = [](const std::string& bytes) {
        const auto loaded = load_text(
            "proxy: { listen: 0.0.0.0:1, identity: { uids: [1] } } # " + bytes + "\ncapture: { cgroups: [/mesh] }\n",
            "f");
        return loaded.has_value();
    };
    for (const char* good : {"\x7e", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(accepted(good)) << good;
    for (const char* bad : {"\x01", "\x7f", "\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2", "\xe2\x82", "\xf0\x90\x80"})
        EXPECT_FALSE(accepted(bad)) << bad;
}

TEST(ConfigDocument, LargeConfigurationIsReadInProportion) {
    std::string text =
        "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\ncapture:\n  cgroups: [/mesh]\n"
        "  excludeOutboundIPRanges:\n";
    for (int i = 0; i < 20000; ++i)
        text += "    - 10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24\n";
    text += "clusters:\n";
    for (int i = 0; i < 5000; ++i)
        text += "  - { name: c" + std::to_string(i) + ", endpoints: [{ address: 10.0.0.1:80 }] }\n";
    text += "listeners:\n";
    for (int i = 0; i < 5000; ++i)
        text += "  - { port: " + std::to_string(i + 1) + ", cluster: missing" + std::to_string(i) + " }\n";
    const auto begin = std::chrono::steady_clock::now();
    const auto loaded = load_text(text, "f");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(std::count(loaded.error().message.begin(), loaded.error().message.end(), '\n'), 4999);
}

}  // namespace
