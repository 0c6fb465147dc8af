// SPDX-License-Identifier: Apache-2.0
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace shunt::bench {
namespace {

constexpr unsigned kMedianResamples = 1000, kTailResamples = 200;

const Series* find(const std::vector<Series>& series, const std::string& arm, Family family) {
    for (const auto& one : series)
        if (one.arm == arm && one.family == family) return &one;
    return nullptr;
}

std::vector<double> batch_medians(const Series& series) {
    std::vector<double> medians;
    for (const auto& round : series.rounds) medians.push_back(median({round.begin(), round.end()}));
    return medians;
}

std::vector<double> differences(const std::vector<double>& left, const std::vector<double>& right) {
    std::vector<double> result;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) result.push_back(left[i] - right[i]);
    return result;
}

double median_of(const std::vector<double>& values, const std::vector<std::size_t>& chosen) {
    std::vector<double> some;
    some.reserve(chosen.size());
    for (const auto i : chosen) some.push_back(values[i]);
    return median(std::move(some));
}

double tail(const Series& series, const std::vector<std::size_t>& chosen, double fraction) {
    std::vector<std::uint32_t> some;
    for (const auto i : chosen) some.insert(some.end(), series.rounds[i].begin(), series.rounds[i].end());
    if (some.empty()) return 0;
    const auto rank = std::min(some.size() - 1, static_cast<std::size_t>(fraction * static_cast<double>(some.size())));
    std::nth_element(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(rank), some.end());
    return some[rank];
}

double ratio(double value, double over) { return over == 0 ? 0 : value / over; }

// The statistic of all, then of each bootstrap sample. Series of one seed are drawn alike, so their values pair up.
std::vector<double> resample(std::size_t count, unsigned resamples, std::uint64_t seed,
                             const std::function<double(const std::vector<std::size_t>&)>& statistic) {
    std::vector<std::size_t> chosen(count);
    for (std::size_t i = 0; i < count; ++i) chosen[i] = i;
    std::vector<double> values{statistic(chosen)};
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < resamples; ++i) {
        for (auto& index : chosen) index = random() % count;
        values.push_back(statistic(chosen));
    }
    return values;
}

Estimate estimate_of(std::vector<double> values) {
    Estimate estimate{values.front(), 0, 0};
    std::sort(values.begin() + 1, values.end());
    const auto at = [&](double fraction) {
        return values[1 + static_cast<std::size_t>(std::lround(fraction * static_cast<double>(values.size() - 2)))];
    };
    estimate.low = at(0.025);
    estimate.high = at(0.975);
    return estimate;
}

std::vector<double> combine(const std::vector<double>& left, const std::vector<double>& right,
                            double (*with)(double, double)) {
    std::vector<double> result(left.size());
    std::transform(left.begin(), left.end(), right.begin(), result.begin(), with);
    return result;
}

void describe(const Series& series, Figures& figures) {
    double sum = 0;
    for (const auto& round : series.rounds)
        for (const auto value : round) {
            figures.histogram.add(value);
            sum += value;
        }
    figures.connections = figures.histogram.total();
    figures.p50 = static_cast<double>(figures.histogram.quantile(0.5));
    figures.p90 = static_cast<double>(figures.histogram.quantile(0.9));
    figures.p99 = static_cast<double>(figures.histogram.quantile(0.99));
    figures.p999 = static_cast<double>(figures.histogram.quantile(0.999));
    figures.per_second = ratio(1e9 * static_cast<double>(figures.connections), sum);
}

}  // namespace

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Estimate bootstrap(std::size_t count, unsigned resamples, std::uint64_t seed,
                   const std::function<double(const std::vector<std::size_t>&)>& statistic) {
    if (count == 0) return {};
    return estimate_of(resample(count, resamples, seed, statistic));
}

Statistics summarise(const std::vector<Series>& series, std::uint64_t seed) {
    Statistics result;
    for (const auto family : {Family::kV4, Family::kMapped, Family::kV6}) {
        const auto* direct = find(series, "direct", family);
        const auto* again = find(series, "direct-again", family);
        if (direct == nullptr || again == nullptr) continue;
        const auto base_medians = batch_medians(*direct);
        const auto rounds = base_medians.size();
        if (rounds == 0) continue;
        const auto difference = differences(batch_medians(*again), base_medians);
        const auto aa = bootstrap(rounds, kMedianResamples, seed,
                                  [&](const auto& chosen) { return median_of(difference, chosen); });
        const double noise = std::max({std::abs(aa.low), std::abs(aa.high), std::abs(aa.value)});
        result.noise_ns.emplace_back(family, noise);
        const auto tails_of = [&](const Series& one) {
            return resample(rounds, kTailResamples, seed, [&](const auto& chosen) { return tail(one, chosen, 0.99); });
        };
        const auto direct_tails = tails_of(*direct);
        const auto* legacy = find(series, "iptables-legacy", family);
        const auto legacy_added = legacy ? differences(batch_medians(*legacy), base_medians) : std::vector<double>();
        for (const auto& one : series) {
            if (one.family != family) continue;
            Figures figures{.arm = one.arm, .family = family};
            describe(one, figures);
            const auto added = differences(batch_medians(one), base_medians);
            figures.added_p50 =
                bootstrap(rounds, kMedianResamples, seed, [&](const auto& chosen) { return median_of(added, chosen); });
            const auto tails = tails_of(one);
            figures.added_p99 =
                estimate_of(combine(tails, direct_tails, [](double own, double base) { return own - base; }));
            figures.p99_over_direct = estimate_of(combine(tails, direct_tails, ratio));
            if (legacy)
                figures.over_legacy = bootstrap(rounds, kMedianResamples, seed, [&](const auto& chosen) {
                    return ratio(median_of(added, chosen), median_of(legacy_added, chosen));
                });
            figures.distinguishable =
                std::abs(figures.added_p50.value) > noise && one.arm != "direct" && one.arm != "direct-again";
            result.figures.push_back(std::move(figures));
        }
    }
    return result;
}

}  // namespace shunt::bench
