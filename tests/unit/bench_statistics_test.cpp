// SPDX-License-Identifier: Apache-2.0
// Figures of a benchmark: statistics over made-up batches with known answers, and the proof.
#include <gtest/gtest.h>

#include <random>

#include "bench/histogram.h"
#include "bench/proof.h"
#include "bench/statistics.h"

namespace shunt::bench {
namespace {

TEST(BenchStatistics, Median) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({7}), 7);
    EXPECT_EQ(median({9, 1, 5}), 5);
    EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(BenchStatistics, HistogramKeepsSmallValuesAndRoundsLargeOnes) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 1000; ++value) histogram.add(value);
    EXPECT_EQ(histogram.quantile(0.5), 500u);
    EXPECT_EQ(histogram.quantile(0.99), 990u);
    EXPECT_EQ(histogram.quantile(1), 1000u);
    histogram.add(123456789, 1000);
    EXPECT_EQ(histogram.total(), 2000u);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(1)), 123456789, 123456789 / 1024.0);
    std::uint64_t sum = 0;
    for (const auto& [value, count] : histogram.buckets()) sum += count;
    EXPECT_EQ(sum, 2000u);
}

TEST(BenchStatistics, HistogramsAdd) {
    Histogram one, other;
    one.add(10, 3);
    other.add(5000, 1);
    one.add(other);
    EXPECT_EQ(one.total(), 4u);
    EXPECT_EQ(one.quantile(0.5), 10u);
}

TEST(BenchStatistics, BootstrapHoldsTheValueAndNarrowsWithMoreRounds) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal(100, 10);
    const auto interval_of = [&](std::size_t count) {
        std::vector<double> values(count);
        for (auto& value : values) value = normal(random);
        return bootstrap(count, 500, 1, [&](const std::vector<std::size_t>& chosen) {
            double sum = 0;
            for (const auto i : chosen) sum += values[i];
            return sum / static_cast<double>(chosen.size());
        });
    };
    const auto few = interval_of(20), many = interval_of(2000);
    EXPECT_LT(few.low, few.value);
    EXPECT_GT(few.high, few.value);
    EXPECT_LT(many.high - many.low, (few.high - few.low) / 4);
    EXPECT_NEAR(many.value, 100, 1);
}

// `rounds` batches around `middle` nanoseconds; every round shifts all arms alike, as a busy machine does.
Series series_of(const std::string& arm, double middle, unsigned rounds, unsigned seed) {
    Series series{arm, Family::kV4, {}};
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(middle, 50);
    for (unsigned round = 0; round < rounds; ++round) {
        auto& times = series.rounds.emplace_back();
        for (int i = 0; i < 99; ++i) times.push_back(static_cast<std::uint32_t>(normal(random) + 1000.0 * (round % 5)));
    }
    return series;
}

const Figures& figures_of(const Statistics& statistics, const std::string& arm) {
    for (const auto& figures : statistics.figures)
        if (figures.arm == arm) return figures;
    throw std::out_of_range(arm);
}

TEST(BenchStatistics, AddedCostIsFoundThoughRoundsDiffer) {
    const auto statistics =
        summarise({series_of("direct", 5000, 40, 1), series_of("direct-again", 5000, 40, 2),
                   series_of("iptables-legacy", 9000, 40, 3), series_of("shunt-address", 5400, 40, 4)},
                  1);
    const auto& shunt = figures_of(statistics, "shunt-address");
    EXPECT_NEAR(shunt.added_p50.value, 400, 20);
    EXPECT_LE(shunt.added_p50.low, shunt.added_p50.value);
    EXPECT_GE(shunt.added_p50.high, shunt.added_p50.value);
    EXPECT_NEAR(shunt.over_legacy.value, 0.1, 0.01);
    EXPECT_TRUE(shunt.distinguishable);
    EXPECT_EQ(shunt.connections, 40u * 99);
    EXPECT_FALSE(figures_of(statistics, "direct-again").distinguishable);
}

TEST(BenchStatistics, WhatIsBelowTheNoiseIsNotDistinguishable) {
    // Direct differs from direct by 300: an arm that differs by 200 has shown nothing.
    const auto statistics = summarise({series_of("direct", 5000, 40, 1), series_of("direct-again", 5300, 40, 2),
                                       series_of("shunt-address", 5200, 40, 3), series_of("shunt-record", 6500, 40, 4)},
                                      1);
    EXPECT_FALSE(figures_of(statistics, "shunt-address").distinguishable);
    EXPECT_TRUE(figures_of(statistics, "shunt-record").distinguishable);
    EXPECT_EQ(figures_of(statistics, "shunt-record").over_legacy.value, 0);  // iptables-legacy did not run
}

ArmProof good() { return {.arm = "shunt-address", .connections = 100, .hits = 100, .seen = 100, .right = 100}; }

TEST(BenchProof, HoldsOnlyWhereEveryNumberIsTheSame) {
    EXPECT_TRUE(check({good()}));
    auto direct = good();
    direct.hits.reset();
    EXPECT_TRUE(check({good(), direct}));
    const auto refused = [](ArmProof proof, const std::string& words) {
        const auto status = check({good(), proof});
        ASSERT_FALSE(status);
        EXPECT_NE(status.error().message.find("proof failed: shunt-address: " + words), std::string::npos)
            << status.error().message;
    };
    auto lost = good();
    lost.hits = 99;
    refused(lost, "100 connections, but the redirection counted 99");
    auto foreign = good();
    foreign.hits = 101;
    refused(foreign, "100 connections, but the redirection counted 101");
    auto unseen = good();
    unseen.seen = unseen.right = 98;
    refused(unseen, "100 connections, but the proxy accepted 98");
    auto wrong = good();
    wrong.right = 97;
    wrong.first_wrong = "127.0.0.1:15001 instead of 10.96.0.1:80";
    refused(wrong, "3 of 100 original destinations are wrong, the first: 127.0.0.1:15001");
    refused({.arm = "shunt-address"}, "no connections were made");
}

}  // namespace
}  // namespace shunt::bench
