// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

namespace {

using namespace shunt::base;

TEST(BaseText, QuotedIsOneLine) {
    EXPECT_EQ(shunt::base::quoted(""), "\"\"");
    EXPECT_EQ(shunt::base::quoted("a b"), "\"a b\"");
    EXPECT_EQ(shunt::base::quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    EXPECT_EQ(shunt::base::quoted(std::string("\n\0\x1b\x7f", 4)), "\"\\x0a\\x00\\x1b\\x7f\"");
    EXPECT_EQ(shunt::base::quoted("\xc3\xbc"), "\"\xc3\xbc\"");
    EXPECT_EQ(shunt::base::quoted("\xef\xbb\xbf"
                                  "a\u202eb\u0085\u20ac"),
              "\"\\ufeffa\\u202eb\\u0085\u20ac\"");
    EXPECT_EQ(shunt::base::quoted("\xe2\x80"), "\"\xe2\x80\"") << "half a character";
}

TEST(BaseText, QuotedIsCutBetweenCharacters) {
    EXPECT_EQ(shunt::base::quoted(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
    EXPECT_EQ(shunt::base::quoted(std::string(81, 'x')), "\"" + std::string(80, 'x') + "...\"");
    EXPECT_EQ(shunt::base::quoted(std::string(79, 'x') + "\xc3\xbc"), "\"" + std::string(79, 'x') + "...\"");
}

TEST(BaseText, EditDistance) {
    EXPECT_EQ(edit_distance("", "", 3), 0u);
    EXPECT_EQ(edit_distance("", "abc", 3), 3u);
    EXPECT_EQ(edit_distance("listen", "lisen", 3), 1u);
    EXPECT_EQ(edit_distance("listen", "litsen", 3), 1u);  // two neighbours swapped
    EXPECT_EQ(edit_distance("ALLOW_ANY", "allow_any", 3), 0u);
    EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3u);
    EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3u);  // more than the limit
    EXPECT_EQ(edit_distance("a", "bbbbbbbbbb", 2), 3u);
}

TEST(BaseText, Nearest) {
    EXPECT_EQ(nearest("whendown", {"listen", "whenDown"}), "whenDown");
    EXPECT_EQ(nearest("colour", {"listen", "whenDown"}), std::nullopt);
    EXPECT_EQ(nearest("x", {"ab"}), std::nullopt);
    EXPECT_EQ(nearest("uid", {"gids", "uids"}), "uids");
    EXPECT_EQ(did_you_mean("lisen", {"listen"}), " (did you mean \"listen\"?)");
    EXPECT_EQ(did_you_mean("colour", {"listen"}), "");
}

}  // namespace
