// SPDX-License-Identifier: Apache-2.0
// Figures of a benchmark: statistics over made-up batches with known answers, and the proof.
#include <gtest/gtest.h>

#include <random>

#include "bench/budget.h"
#include "bench/histogram.h"
#include "bench/histogram_text.h"
#include "bench/policy_set.h"
#include "bench/proof.h"
#include "bench/roll_call.h"
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

// Written by the Python package hdrhistogram 0.10 (1 to 3.6e12, three digits) for these values.
constexpr const char* kByAnother = "HISTFAAAADJ4nJNpmSzMwMAgyAABzFCaEch0M9ixgMH+A1SA6ac8C9tB4VOMp734Xn5kZAIAybEKIA==";
const std::pair<std::uint64_t, std::uint64_t> kValues[] = {{1, 1},    {2047, 2},   {2048, 3},      {5000, 100},
                                                           {5001, 1}, {123456, 7}, {4294967295, 1}};

TEST(BenchHistogramText, IsWhatToolsOfHdrHistogramWrite) {
    Histogram histogram;
    for (const auto& [value, count] : kValues) histogram.add(value, count);
    const auto read = histogram_of(kByAnother);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->counts(), histogram.counts());
    const auto again = histogram_of(to_text(histogram));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->counts(), histogram.counts());
    EXPECT_TRUE(to_text(histogram).starts_with("HISTFAAAA"));
    histogram.add(5000);
    EXPECT_NE(histogram_of(kByAnother)->counts(), histogram.counts());
}

TEST(BenchHistogramText, SurvivesAnyCountsAndNone) {
    std::mt19937_64 random(3);
    Histogram histogram;
    EXPECT_EQ(histogram_of(to_text(histogram))->total(), 0u);
    for (int i = 0; i < 3000; ++i) histogram.add(random() >> (random() % 64), random() >> (24 + random() % 40));
    histogram.add(~0ull, 1);
    const auto read = histogram_of(to_text(histogram));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->counts(), histogram.counts());
}

TEST(BenchHistogramText, DamageIsSaid) {
    const std::string good = kByAnother;
    for (const auto& bad : {std::string(), good.substr(0, 40), "A" + good, good + "AAAA",
                            good.substr(0, 20) + "%" + good.substr(21), good.substr(0, 30) + "AAAA" + good.substr(34)})
        EXPECT_FALSE(histogram_of(bad)) << bad;
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

TEST(BenchBudget, AStageThatIsLateTakesFromThoseAfterIt) {
    using std::chrono::seconds;
    const Moment start{};
    Budget budget(100, start);
    for (const double weight : {2.0, 1.0, 1.0}) budget.add(weight);
    EXPECT_EQ(budget.take(2, start) - start, seconds(50));
    const auto late = start + seconds(60);
    EXPECT_EQ(budget.take(1, late) - late, seconds(20));
    const auto early = start + seconds(70);  // of its 20 seconds it took 10: the last one has all that is left
    EXPECT_EQ(budget.take(1, early) - start, seconds(100));
    EXPECT_EQ(share_of(start + seconds(90), 3, start) - start, seconds(30));
    EXPECT_EQ(share_of(start + seconds(90), 1, start) - start, seconds(90));
    EXPECT_EQ(share_of(start, 3, late), late);
}

TEST(BenchBudget, RoundsEndByNumberOrByTimeButAFewAreMade) {
    const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    const Until by_number{.rounds = 2}, late{.deadline = past}, late_and_many{.rounds = 9, .deadline = past};
    EXPECT_TRUE(by_number.goes_on(1));
    EXPECT_FALSE(by_number.goes_on(2));
    for (const auto& until : {late, late_and_many}) {
        EXPECT_TRUE(until.goes_on(2));
        EXPECT_FALSE(until.goes_on(3));
    }
    EXPECT_TRUE(Until{}.goes_on(1000000));
}

TEST(BenchPolicy, EntriesAreOfTheKindAsked) {
    for (const unsigned entries : {10u, 100u, 1000u, 10000u, 100000u})
        for (const auto kind : {Kind::kMixed, Kind::kRanges, Kind::kPorts, Kind::kListeners}) {
            const auto size = policy_of(entries, kind);
            EXPECT_EQ(entries_of(size), kind == Kind::kPorts ? std::min(entries, kMostPorts) : entries)
                << to_string(kind);
            EXPECT_EQ(size.cidrs > 0, kind == Kind::kMixed || kind == Kind::kRanges);
            EXPECT_EQ(size.ports > 0, kind == Kind::kMixed || kind == Kind::kPorts);
            EXPECT_EQ(size.listeners > 0, kind == Kind::kMixed || kind == Kind::kListeners);
        }
}

base::SocketAddress dialled(std::uint64_t number) {
    return {base::Address::v4(0x0a600001u + static_cast<std::uint32_t>(number % 3)), 80};
}

TEST(BenchRollCall, TakesAnyOrder) {
    RollCall roll(6, dialled);
    for (const std::uint64_t number : {5, 0, 3, 1, 4, 2}) roll.answer(number, dialled(number));
    EXPECT_EQ(roll.seen(), 6u);
    EXPECT_EQ(roll.right(), 6u);
    EXPECT_EQ(roll.first_wrong(), "");
}

TEST(BenchRollCall, FindsASwapADoubleOneAndALostOne) {
    const auto answered = [](const std::vector<std::pair<std::optional<std::uint64_t>, std::uint64_t>>& answers) {
        RollCall roll(6, dialled);
        for (const auto& [number, destination] : answers) roll.answer(number, dialled(destination));
        return std::tuple(roll.seen(), roll.right(), roll.first_wrong());
    };
    const std::string swapped = "10.96.0.2:80 instead of 10.96.0.1:80";
    EXPECT_EQ(answered({{0, 1}, {1, 0}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}), std::tuple(6u, 4u, swapped));
    const std::string twice = "connection 1 came twice";
    EXPECT_EQ(answered({{0, 0}, {1, 1}, {1, 1}, {3, 3}, {4, 4}, {5, 5}}), std::tuple(6u, 5u, twice));
    EXPECT_EQ(answered({{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}}), std::tuple(5u, 5u, std::string()));  // lost: not seen
    EXPECT_EQ(answered({{6, 0}}), std::tuple(1u, 0u, std::string("there is no connection 6 in this batch")));
    EXPECT_EQ(answered({{std::nullopt, 2}}),
              std::tuple(1u, 0u, std::string("a connection to 10.96.0.3:80 said no number")));
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
