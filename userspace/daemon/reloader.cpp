// SPDX-License-Identifier: Apache-2.0
#include "daemon/reloader.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/version.h"
#include "config/loader.h"

namespace shunt::daemon {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

Reloader::Reloader(std::string config_file, Apply apply, const sync::ApplyReport& first)
    : config_file_(std::move(config_file)),
      apply_(std::move(apply)),
      generation_(first.generation),
      entries_(first.entries) {}

base::Result<sync::ApplyReport> Reloader::load_and_apply(Took& took) {
    const auto start = std::chrono::steady_clock::now();
    auto loaded = config::load_file(config_file_);
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    const auto read = std::chrono::steady_clock::now();
    auto report = apply_(loaded->mesh);
    const auto done = report ? report->in_force : std::chrono::steady_clock::now();
    took = {Milliseconds(read - start).count(), Milliseconds(done - read).count()};
    if (report) report->warnings.insert(report->warnings.begin(), loaded->warnings.begin(), loaded->warnings.end());
    return report;
}

base::Result<sync::ApplyReport> Reloader::reload() {
    const std::lock_guard one_at_a_time(reloading_);
    Took took;
    auto report = load_and_apply(took);
    base::release_free_memory();
    const std::lock_guard lock(score_);
    took_ = took;
    ++reloads_;
    if (!report) {
        ++failed_;
        last_error_ = report.error().message;
        spdlog::error("{}\nreload refused ({} of {} so far); generation {} stays in force", report.error().message,
                      failed_, reloads_, generation_);
        if (!report.error().detail.empty()) spdlog::debug("{}", report.error().detail);
        return report;
    }
    last_error_.clear();
    last_good_ = std::chrono::system_clock::now();
    generation_ = report->generation;
    entries_ = report->entries;
    for (const auto& warning : report->warnings) spdlog::warn("{}", warning);
    spdlog::info(
        "reloaded: generation {} in force with {} table entries, {} changed; read in {:.1f} ms, in force {:.1f} ms "
        "later",
        generation_, entries_, report->changed, took_.read_ms, took_.apply_ms);
    return report;
}

std::uint64_t Reloader::generation() const {
    const std::lock_guard lock(score_);
    return generation_;
}

std::string Reloader::summary() const {
    const std::lock_guard lock(score_);
    return fmt::format("generation {}, {} table entries{}", generation_, entries_,
                       last_error_.empty() ? "" : "; the latest reload was refused");
}

nlohmann::ordered_json Reloader::status() const {
    const std::lock_guard lock(score_);
    return {
        {"pid", getpid()},
        {"version", base::build_info().version},
        {"config", config_file_},
        {"since", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(started_)))},
        {"generation", generation_},
        {"entries", entries_},
        {"reloads", reloads_},
        {"failedReloads", failed_},
        {"lastReadMs", took_.read_ms},
        {"lastApplyMs", took_.apply_ms},
        {"lastError", last_error_.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(last_error_)}};
}

telemetry::ReloadScore Reloader::score() const {
    const std::lock_guard lock(score_);
    return {started_, last_good_, reloads_ - failed_, failed_, !last_error_.empty()};
}

}  // namespace shunt::daemon
