// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "daemon/pace.h"

namespace shunt::daemon {
namespace {

using namespace std::chrono_literals;

class PaceTest : public testing::Test {
protected:
    // The rest after a look that takes so much CPU time.
    std::chrono::milliseconds after(std::chrono::nanoseconds work) {
        return pace_.look([&] { now_ += work; });
    }

    std::chrono::nanoseconds now_ = 7h;
    const Pace pace_{[this] { return now_; }};
};

TEST_F(PaceTest, FourTimesASecondWhereThereIsLittle) {
    for (const std::chrono::nanoseconds work : {0ns, 1ns, 100000ns, 2500000ns}) EXPECT_EQ(after(work), 250ms);
}

TEST_F(PaceTest, AHundredthOfACpuWhereThereIsMuch) {
    EXPECT_EQ(after(2500001ns), 251ms);
    EXPECT_EQ(after(5ms), 500ms);
    EXPECT_EQ(after(7500us), 750ms);
}

TEST_F(PaceTest, WithinASecondHoweverMuchThereIs) {
    EXPECT_EQ(after(7501us), 750ms);
    EXPECT_EQ(after(1h), 750ms);
    EXPECT_EQ(after(0ns), 250ms) << "once there is little again";
}

// What all looks together take, of the time that passes meanwhile.
TEST_F(PaceTest, TheShareIsBounded) {
    const auto begin = now_;
    std::chrono::nanoseconds rested{0};
    for (int i = 0; i < 150; ++i) rested += after(std::chrono::microseconds(i * 50));
    EXPECT_LE((now_ - begin) * 100, rested);
}

}  // namespace
}  // namespace shunt::daemon
