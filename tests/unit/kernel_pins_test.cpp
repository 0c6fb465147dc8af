// SPDX-License-Identifier: Apache-2.0
#include "kernel/pins.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace shunt::kernel {
namespace {

TEST(KernelPins, ADirectoryThatIsMissingHasNothing) {
    const auto names = entries("/proc/self/no-such-directory");
    ASSERT_TRUE(names) << names.error().message;
    EXPECT_TRUE(names->empty());
    EXPECT_TRUE(layouts("/proc/self/no-such-directory")->empty());
}

// Taken for empty, what is installed would be taken for absent.
TEST(KernelPins, ADirectoryThatCannotBeReadIsAnError) {
    const auto names = entries("/proc/self/status");
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error().number, ENOTDIR);
    EXPECT_EQ(names.error().message, "directory /proc/self/status: Not a directory (ENOTDIR)");
    EXPECT_FALSE(layouts("/proc/self/status"));
    EXPECT_FALSE(check_only_layouts("/proc/self/status"));
}

TEST(KernelPins, NamesAreSorted) {
    const auto names = entries("/proc/self");
    ASSERT_TRUE(names);
    EXPECT_GT(names->size(), 10u);
    EXPECT_TRUE(std::is_sorted(names->begin(), names->end()));
}

}  // namespace
}  // namespace shunt::kernel
