// SPDX-License-Identifier: Apache-2.0
// The address lane's encoding (bpf/lib/lane.h), over every port.
#include <gtest/gtest.h>

#include <set>

#include "lib/lane.h"

namespace {

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) { return a << 24 | b << 16 | c << 8 | d; }

TEST(Lane, EveryPortComesBackAndNoForbiddenAddressComesOut) {
    for (const unsigned d : {0u, 1u, 126u, 127u, 128u, 129u, 254u, 255u})
        for (const unsigned a : {1u, 10u, 126u, 128u, 223u})
            for (unsigned port = 1; port <= 65535; ++port) {
                const auto original = v4(a, 0, 255, d);
                __u32 source = 0, to = 0, decoded = 0;
                __u16 decoded_port = 0;
                shunt_lane_encode(original, static_cast<__u16>(port), &source, &to);
                ASSERT_EQ(source, v4(127, a, 0, 255));
                ASSERT_EQ(to >> 24, 127u);
                ASSERT_NE(to, v4(127, 0, 0, 0));
                ASSERT_NE(to, v4(127, 255, 255, 255));
                ASSERT_TRUE(shunt_lane_decode(source, to, &decoded, &decoded_port));
                ASSERT_EQ(decoded, original);
                ASSERT_EQ(decoded_port, port);
            }
}

TEST(Lane, EncodesOneDestinationAsDocumented) {
    __u32 source = 0, to = 0;
    shunt_lane_encode(v4(198, 51, 100, 7), 443, &source, &to);
    EXPECT_EQ(source, v4(127, 198, 51, 100));
    EXPECT_EQ(to, v4(127, 7, 1, 187));
    shunt_lane_encode(v4(198, 51, 100, 200), 443, &source, &to);
    EXPECT_EQ(to, v4(127, 200, 1, 186));
}

TEST(Lane, TakesNothingForEncodedThatItDoesNotMake) {
    __u32 dst = 0;
    __u16 port = 0;
    for (const auto source : {v4(127, 0, 0, 1), v4(127, 127, 1, 2), v4(127, 224, 0, 1), v4(127, 255, 0, 1),
                              v4(10, 1, 2, 3), v4(126, 10, 1, 2)})
        EXPECT_FALSE(shunt_lane_decode(source, v4(127, 3, 0, 80), &dst, &port)) << source;
    const auto good = v4(127, 10, 1, 2);
    EXPECT_FALSE(shunt_lane_decode(good, v4(10, 3, 0, 80), &dst, &port)) << "not on loopback";
    EXPECT_FALSE(shunt_lane_decode(good, v4(127, 3, 0, 0), &dst, &port)) << "port 0";
    EXPECT_FALSE(shunt_lane_decode(good, v4(127, 200, 255, 255), &dst, &port)) << "port 65536";
    EXPECT_TRUE(shunt_lane_decode(good, v4(127, 3, 0, 80), &dst, &port));
}

TEST(Lane, SaysWhatItCannotCarry) {
    for (const auto dst :
         {v4(0, 1, 2, 3), v4(127, 0, 0, 2), v4(224, 0, 0, 1), v4(240, 0, 0, 1), v4(255, 255, 255, 255)})
        EXPECT_FALSE(shunt_lane_encodable(dst)) << dst;
    for (const auto dst : {v4(1, 0, 0, 0), v4(126, 255, 255, 255), v4(128, 0, 0, 0), v4(223, 255, 255, 255)})
        EXPECT_TRUE(shunt_lane_encodable(dst)) << dst;
}

TEST(Lane, TokensAreLoopbackAddressesOfTheirOwn) {
    std::set<__u32> seen;
    for (unsigned i = 0; i < 50000; ++i) {
        const auto token = shunt_token(v4(10, 0, i >> 8 & 255, i & 255), static_cast<__u16>(80 + i % 7), 0);
        ASSERT_TRUE(shunt_is_token(token));
        ASSERT_GE(token, v4(127, 128, 0, 0));
        ASSERT_LE(token, v4(127, 255, 255, 254));
        seen.insert(token);
    }
    EXPECT_GT(seen.size(), 49000u) << "the hash puts too many destinations on one token";
    EXPECT_FALSE(shunt_is_token(v4(127, 255, 255, 255)));
    EXPECT_FALSE(shunt_is_token(v4(127, 127, 255, 255)));
}

}  // namespace
