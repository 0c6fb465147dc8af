// SPDX-License-Identifier: Apache-2.0
#include "base/names.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "base/result.h"

namespace {

using namespace shunt::base;

template <class Enum>
void expect_distinct_names(int end) {
    std::set<std::string_view> seen;
    for (int value = 0; value < end; ++value) {
        const auto text = name(static_cast<Enum>(value));
        EXPECT_NE(text, "unknown") << value;
        EXPECT_TRUE(seen.insert(text).second) << text;
    }
    EXPECT_EQ(name(static_cast<Enum>(end)), "unknown");
}

TEST(BaseNames, EveryEnumeratorHasItsOwnName) {
    expect_distinct_names<shunt_reason>(SHUNT_REASON_MAX);
    expect_distinct_names<shunt_lane>(SHUNT_LANE_MAX);
    expect_distinct_names<shunt_event>(SHUNT_EVENT_MAX);
    expect_distinct_names<shunt_verdict>(SHUNT_VERDICT_REFUSE + 1);
}

TEST(BaseNames, EveryReasonHasAVerdict) {
    EXPECT_EQ(verdict_of(SHUNT_REASON_UNSET), SHUNT_VERDICT_UNSET);
    for (int value = 1; value < SHUNT_REASON_MAX; ++value) {
        const auto reason = static_cast<shunt_reason>(value);
        EXPECT_NE(verdict_of(reason), SHUNT_VERDICT_UNSET) << name(reason);
        if (name(reason).ends_with("_refuse")) {
            EXPECT_EQ(verdict_of(reason), SHUNT_VERDICT_REFUSE) << name(reason);
        }
        if (name(reason).ends_with("_bypass")) {
            EXPECT_EQ(verdict_of(reason), SHUNT_VERDICT_BYPASS) << name(reason);
        }
    }
}

TEST(BaseNames, FailuresAreTheEventsNamedFail) {
    for (int value = 0; value < SHUNT_EVENT_MAX; ++value) {
        const auto event = static_cast<shunt_event>(value);
        EXPECT_EQ(is_failure(event), name(event).starts_with("fail_")) << name(event);
    }
}

TEST(BaseResult, ErrnoErrorNamesTheError) {
    const auto error = errno_error("map shunt_ports", ENOSPC);
    EXPECT_EQ(error.message, "map shunt_ports: No space left on device (ENOSPC)");
    EXPECT_EQ(error.code, ExitCode::kFailure);
    EXPECT_EQ(errno_error("x", -EPERM).code, ExitCode::kPermission);
    EXPECT_EQ(errno_error("x", EACCES).code, ExitCode::kPermission);
    EXPECT_EQ(wrap("outer", error).value().message, "outer: map shunt_ports: No space left on device (ENOSPC)");
}

}  // namespace
