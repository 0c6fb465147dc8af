// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace shunt::kernel {
namespace {

namespace fs = std::filesystem;

class WalkCgroups : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "walk_XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        root_ = name;
        for (int i = 0; i < 10; ++i) fs::create_directories(root_ / std::to_string(i) / "below");
    }
    void TearDown() override { fs::remove_all(root_); }

    fs::path root_;
};

TEST_F(WalkCgroups, VisitsEachOnce) {
    std::multiset<std::string> seen, expected{root_.string()};
    for (int i = 0; i < 10; ++i) {
        expected.insert((root_ / std::to_string(i)).string());
        expected.insert((root_ / std::to_string(i) / "below").string());
    }
    walk_cgroups(root_.string(), [&](const std::string& path) {
        seen.insert(path);
        return true;
    });
    EXPECT_EQ(seen, expected);
}

TEST_F(WalkCgroups, EndsWhereItIsTold) {
    int visits = 0;
    walk_cgroups(root_.string(), [&](const std::string&) { return ++visits < 3; });
    EXPECT_EQ(visits, 3);
}

// What goes while it walks ends nothing else: an odd one goes while it is visited, or while it waits for that, by an
// even one.
TEST_F(WalkCgroups, OneThatIsGoneEndsOnlyItself) {
    std::set<std::string> seen;
    walk_cgroups(root_.string(), [&](const std::string& path) {
        seen.insert(path);
        if (fs::path(path).parent_path() == root_) {
            const auto number = std::stoi(fs::path(path).filename());
            fs::remove_all(root_ / std::to_string(number % 2 == 1 ? number : (number + 5) % 10));
        }
        return true;
    });
    for (int i = 0; i < 10; ++i) {
        const auto path = root_ / std::to_string(i);
        EXPECT_TRUE(seen.contains(path.string())) << i;
        EXPECT_EQ(seen.contains((path / "below").string()), i % 2 == 0) << i;
    }
}

}  // namespace
}  // namespace shunt::kernel
