// SPDX-License-Identifier: Apache-2.0
#include "file_bench.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <fstream>
#include <semaphore>

#include "daemon/file_watcher.h"
#include "daemon/reloader.h"
#include "scratch_kernel.h"
#include "sync/banks.h"

namespace shunt::micro_bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::trunc);
    file << text << std::flush;
    if (!file) or_die(base::Status(base::fail(path + ": cannot be written")));
}

}  // namespace

void file_to_in_force(benchmark::State& state) {
    spdlog::set_level(spdlog::level::off);
    const ScratchKernel scratch;
    auto banks = or_die(sync::Banks::open(scratch.object(), scratch.layout()));
    policy::Compiler compiler;
    sync::SwitchReport last;
    const auto apply = [&](const model::Mesh& mesh) -> base::Result<sync::ApplyReport> {
        last = or_die(banks.apply(compiler.compile(mesh, policy::offline(mesh))));
        return sync::ApplyReport{last.generation, 0, last.changed, last.in_force, false, {}};
    };
    const auto file = scratch_file("mesh.yaml"), next = scratch_file("next.yaml");
    write_file(file, text_of(state));
    daemon::Reloader reloader(file, apply, {});
    std::binary_semaphore reloaded{0};
    reloader.on_reload([&] { reloaded.release(); });
    for (int bank = 0; bank < 2; ++bank) {
        or_die(reloader.reload());
        reloaded.acquire();
    }
    const auto watcher = or_die(daemon::FileWatcher::start(file, [&] { reloader.reload_if_changed(); }));
    Ports ports;
    double read_ms = 0, apply_ms = 0;
    for (auto step : state) {
        write_file(next, text_of(state, ports.next()));
        const auto start = Clock::now();
        if (std::rename(next.c_str(), file.c_str()) != 0) or_die(base::Status(base::fail("rename " + next)));
        if (!reloaded.try_acquire_for(kPatience)) or_die(base::Status(base::fail("the change was not noticed")));
        state.SetIterationTime(seconds_since(start, last.in_force));
        check_one_change(last.changed);
        const auto status = reloader.status();
        read_ms += status["lastReadMs"].get<double>();
        apply_ms += status["lastApplyMs"].get<double>();
    }
    const auto times = static_cast<double>(state.iterations());
    state.counters["quiet_ms"] = static_cast<double>(daemon::FileWatcher::kQuiet.count());
    state.counters["read_ms"] = read_ms / times;
    state.counters["model_to_switch_ms"] = apply_ms / times;
}

}  // namespace shunt::micro_bench
