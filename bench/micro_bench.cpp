// SPDX-License-Identifier: Apache-2.0
// What the steps from a configuration to kernel tables take, each alone and together. docs/benchmark.md has figures.
#include <benchmark/benchmark.h>

#include <map>
#include <utility>

#include "file_bench.h"
#include "policy/explain.h"
#include "sample.h"
#include "scratch_kernel.h"
#include "sync/banks.h"
#include "sync/plan.h"

namespace shunt::micro_bench {
namespace {

constexpr int kSmall = 1000;
constexpr int kLarge = 100000;

policy::Tables tables_of(const model::Mesh& mesh) { return policy::compile(mesh, policy::offline(mesh)); }

// Of each size and shape one is read for all benchmarks: reading takes most of the time.
const model::Mesh& mesh_of(const benchmark::State& state) {
    static std::map<std::pair<std::int64_t, std::int64_t>, model::Mesh> read;
    const auto [found, is_new] = read.try_emplace({state.range(0), state.range(1)});
    if (is_new) found->second = sample_mesh(text_of(state));
    return found->second;
}

void parse(benchmark::State& state) {
    const auto text = text_of(state);
    for (auto step : state) benchmark::DoNotOptimize(sample_mesh(text));
}

void compile(benchmark::State& state) {
    const auto& mesh = mesh_of(state);
    for (auto step : state) benchmark::DoNotOptimize(tables_of(mesh));
}

// With the last configuration still known, as a controller does.
void compile_again(benchmark::State& state) {
    const auto& mesh = mesh_of(state);
    policy::Compiler compiler;
    compiler.compile(mesh, policy::offline(mesh));
    for (auto step : state) benchmark::DoNotOptimize(compiler.compile(mesh, policy::offline(mesh)).endpoints.size());
}

void plan(benchmark::State& state) {
    const auto& mesh = mesh_of(state);
    sync::Placement placement;
    for (std::uint64_t id = 1; id <= 100; ++id) placement.captured.push_back({"/mesh/" + std::to_string(id), id, 2});
    for (auto step : state) benchmark::DoNotOptimize(sync::plan(mesh, placement));
}

void decide(benchmark::State& state) {
    const auto& mesh = mesh_of(state);
    const auto tables = tables_of(mesh);
    policy::Flow flow;
    flow.destination = {mesh.listeners.back().address, 3306};
    flow.uid = flow.gid = 1000;
    for (auto step : state) benchmark::DoNotOptimize(policy::explain(tables, mesh, flow));
}

void apply_from_nothing(benchmark::State& state) {
    const auto& mesh = mesh_of(state);
    for (auto step : state) {
        const ScratchKernel scratch;
        auto banks = or_die(sync::Banks::open(scratch.object(), scratch.layout()));
        const auto start = Clock::now();
        const auto report = or_die(banks.apply(tables_of(mesh)));
        state.SetIterationTime(seconds_since(start, report.in_force));
        state.counters["entries"] = static_cast<double>(report.changed);
    }
}

void apply_one_change(benchmark::State& state) {
    const ScratchKernel scratch;
    auto banks = or_die(sync::Banks::open(scratch.object(), scratch.layout()));
    auto mesh = mesh_of(state);
    policy::Compiler compiler;
    const auto apply = [&] { return or_die(banks.apply(compiler.compile(mesh, policy::offline(mesh)))); };
    for (int bank = 0; bank < 2; ++bank) apply();
    Ports ports;
    auto& changing = mesh.clusters[mesh.clusters.size() / 2].endpoints.front();
    for (auto step : state) {
        changing.address.port = static_cast<std::uint16_t>(ports.next());
        const auto start = Clock::now();
        const auto report = apply();
        state.SetIterationTime(seconds_since(start, report.in_force));
        check_one_change(report.changed);
    }
}

// Endpoints, and how many of them a cluster has.
void sizes(benchmark::internal::Benchmark* one) {
    one->Args({kSmall, 100})->Args({kLarge, 100})->Unit(benchmark::kMicrosecond);
}
void sizes_and_shapes(benchmark::internal::Benchmark* one) {
    sizes(one);
    one->Args({kLarge, 10})->Args({kLarge, 1});
}
void timed_by_hand(benchmark::internal::Benchmark* one) { one->UseManualTime()->Unit(benchmark::kMillisecond); }

BENCHMARK(decide)->Apply(sizes);
BENCHMARK(plan)->Apply(sizes);
BENCHMARK(compile)->Apply(sizes_and_shapes);
BENCHMARK(compile_again)->Apply(sizes_and_shapes);
BENCHMARK(parse)->Apply(sizes);
BENCHMARK(apply_from_nothing)->Apply(sizes)->Apply(timed_by_hand);
BENCHMARK(apply_one_change)->Apply(sizes_and_shapes)->Apply(timed_by_hand);
BENCHMARK(file_to_in_force)->Apply(sizes)->Apply(timed_by_hand);

}  // namespace
}  // namespace shunt::micro_bench

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    shunt::micro_bench::enter_scratch_namespace();
    const auto run = benchmark::RunSpecifiedBenchmarks();
    return run > 0 ? 0 : 1;
}
