// SPDX-License-Identifier: Apache-2.0
// What the steps from a configuration to kernel tables take, each alone and together. docs/benchmark.md has figures.
#include <benchmark/benchmark.h>

#include <chrono>

#include "policy/explain.h"
#include "sample.h"
#include "scratch_kernel.h"
#include "sync/banks.h"
#include "sync/plan.h"

namespace shunt::micro_bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSmall = 1000;
constexpr int kLarge = 100000;

double seconds_since(Clock::time_point start, Clock::time_point end) {
    return std::chrono::duration<double>(end - start).count();
}
int size_of(const benchmark::State& state) { return static_cast<int>(state.range(0)); }
policy::Tables tables_of(const model::Mesh& mesh) { return policy::compile(mesh, policy::offline(mesh)); }

void parse(benchmark::State& state) {
    const auto text = sample_text(size_of(state));
    for (auto step : state) benchmark::DoNotOptimize(sample_mesh(text));
}

void compile(benchmark::State& state) {
    const auto mesh = sample_mesh(sample_text(size_of(state)));
    for (auto step : state) benchmark::DoNotOptimize(tables_of(mesh));
}

void plan(benchmark::State& state) {
    const auto mesh = sample_mesh(sample_text(size_of(state)));
    sync::Placement placement;
    for (std::uint64_t id = 1; id <= 100; ++id) placement.captured.push_back({"/mesh/" + std::to_string(id), id, 2});
    for (auto step : state) benchmark::DoNotOptimize(sync::plan(mesh, placement));
}

void decide(benchmark::State& state) {
    const auto mesh = sample_mesh(sample_text(size_of(state)));
    const auto tables = tables_of(mesh);
    policy::Flow flow;
    flow.destination = {mesh.listeners.back().address, 3306};
    flow.uid = flow.gid = 1000;
    for (auto step : state) benchmark::DoNotOptimize(policy::explain(tables, mesh, flow));
}

void apply_from_nothing(benchmark::State& state) {
    const auto mesh = sample_mesh(sample_text(size_of(state)));
    for (auto step : state) {
        const ScratchKernel scratch;
        auto banks = or_die(sync::Banks::open(scratch.object(), scratch.layout()));
        const auto start = Clock::now();
        const auto report = or_die(banks.apply(tables_of(mesh)));
        state.SetIterationTime(seconds_since(start, report.in_force));
        state.counters["entries"] = static_cast<double>(report.changed);
    }
}

// Every change brings a port that neither bank has seen, so both banks differ from it.
template <bool kParse>
void apply_one_change(benchmark::State& state) {
    const ScratchKernel scratch;
    auto banks = or_die(sync::Banks::open(scratch.object(), scratch.layout()));
    auto mesh = sample_mesh(sample_text(size_of(state)));
    for (int bank = 0; bank < 2; ++bank) or_die(banks.apply(tables_of(mesh)));
    int port = 10000;
    auto& changing = mesh.clusters[mesh.clusters.size() / 2].endpoints.front();
    for (auto step : state) {
        port = port < 60000 ? port + 1 : 10001;
        const auto text = kParse ? sample_text(size_of(state), port) : std::string();
        changing.address.port = static_cast<std::uint16_t>(port);
        const auto start = Clock::now();
        const auto report = or_die(banks.apply(kParse ? tables_of(sample_mesh(text)) : tables_of(mesh)));
        state.SetIterationTime(seconds_since(start, report.in_force));
        if (report.changed == 0 || report.changed > 2)
            or_die(base::Status(base::fail("one change wrote " + std::to_string(report.changed) + " entries")));
    }
}

void sizes(benchmark::internal::Benchmark* one) { one->Arg(kSmall)->Arg(kLarge)->Unit(benchmark::kMicrosecond); }
void timed_by_hand(benchmark::internal::Benchmark* one) {
    sizes(one);
    one->UseManualTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(decide)->Apply(sizes);
BENCHMARK(plan)->Apply(sizes);
BENCHMARK(compile)->Apply(sizes);
BENCHMARK(parse)->Apply(sizes);
BENCHMARK(apply_from_nothing)->Apply(timed_by_hand);
BENCHMARK(apply_one_change<false>)->Name("apply_one_change")->Apply(timed_by_hand);
BENCHMARK(apply_one_change<true>)->Name("parse_apply_one_change")->Apply(timed_by_hand);

}  // namespace
}  // namespace shunt::micro_bench

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    shunt::micro_bench::enter_scratch_namespace();
    const auto run = benchmark::RunSpecifiedBenchmarks();
    return run > 0 ? 0 : 1;
}
