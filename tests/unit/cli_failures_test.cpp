// SPDX-License-Identifier: Apache-2.0
// What the programs count as going wrong becomes a line for each cause, and not one for each connection.
#include "daemon/failure_log.h"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

#include "base/log.h"
#include "base/names.h"

namespace shunt::daemon {
namespace {

using namespace std::chrono_literals;

class Failures : public testing::Test {
protected:
    Failures() { base::setup_log(stream_, base::LogStyle::kCommand, 0); }
    ~Failures() override { base::setup_log(std::cerr, base::LogStyle::kCommand, 0); }

    // What a look at that time writes.
    std::string look(std::chrono::seconds at) {
        stream_.str("");
        log_.look(FailureLog::Clock::time_point(at));
        return stream_.str();
    }

    std::ostringstream stream_;
    telemetry::Counters counters_;
    bool readable_ = true;
    FailureLog log_{[this]() -> base::Result<telemetry::Counters> {
        if (!readable_) return base::fail("no pins");
        return counters_;
    }};
};

TEST_F(Failures, OneLineForACauseThenOneAMinuteWithACount) {
    auto& down = counters_.reasons[SHUNT_REASON_PROXY_DOWN_REFUSE];
    down = 7;
    EXPECT_EQ(look(0s), "") << "what was counted before";
    EXPECT_EQ(look(1s), "");
    down += 3;
    auto line = look(2s);
    EXPECT_NE(line.find("warning: proxy_down_refuse: "), std::string::npos) << line;
    EXPECT_NE(line.find("(3 times)"), std::string::npos) << line;
    for (int i = 3; i < 62; ++i, ++down) EXPECT_EQ(look(std::chrono::seconds(i)), "");
    line = look(62s);
    EXPECT_NE(line.find("(59 times, 62 since the start)"), std::string::npos) << line;
    EXPECT_EQ(look(200s), "") << "nothing new";
    ++down;
    EXPECT_NE(look(201s).find("(1 times, 63 since the start)"), std::string::npos) << "at once, after quiet times";
}

TEST_F(Failures, EachCauseHasALineOfItsOwn) {
    look(0s);
    counters_.events[SHUNT_EVENT_FAIL_DICT] = 5;
    counters_.reasons[SHUNT_REASON_INTERNAL_REFUSE] = 5;
    const auto lines = look(1s);
    EXPECT_NE(lines.find("fail_dict: shunt_dests is full"), std::string::npos) << lines;
    EXPECT_NE(lines.find("internal_refuse: "), std::string::npos) << lines;
    counters_.events[SHUNT_EVENT_FAIL_PENDING] = 1;
    EXPECT_NE(look(2s).find("fail_pending: "), std::string::npos) << "another one does not wait for the first";
}

TEST_F(Failures, WhatIsAFailureIsTold) {
    look(0s);
    for (int i = 1; i < SHUNT_EVENT_MAX; ++i) {
        const auto event = static_cast<shunt_event>(i);
        ++counters_.events[event];
        const auto line = look(1s);
        EXPECT_TRUE(!base::is_failure(event) || line.find(base::name(event)) != std::string::npos) << base::name(event);
    }
    for (int i = 1; i < SHUNT_REASON_MAX; ++i) {
        const auto reason = static_cast<shunt_reason>(i);
        const std::string name(base::name(reason));
        ++counters_.reasons[reason];
        const auto line = look(1s);
        const bool failure = name.starts_with("internal_") || name.starts_with("proxy_down_") ||
                             name.starts_with("no_endpoint_") || name == "forged" || name == "looping";
        EXPECT_EQ(line.find(name) != std::string::npos, failure) << name << ": " << line;
    }
}

TEST_F(Failures, CountersThatCannotBeReadOrBeginAnewAreNoFailure) {
    counters_.events[SHUNT_EVENT_FAIL_DICT] = 5;
    look(0s);
    readable_ = false;
    EXPECT_EQ(look(1s), "");
    readable_ = true;
    counters_.events[SHUNT_EVENT_FAIL_DICT] = 2;
    EXPECT_EQ(look(2s), "");
    counters_.events[SHUNT_EVENT_FAIL_DICT] = 3;
    EXPECT_NE(look(3s).find("(1 times)"), std::string::npos);
}

}  // namespace
}  // namespace shunt::daemon
