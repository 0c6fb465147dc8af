// SPDX-License-Identifier: Apache-2.0
#include "daemon/reloader.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/version.h"
#include "config/loader.h"
#include "config/source.h"

namespace shunt::daemon {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

std::size_t hash_of(const base::Result<std::string>& text) {
    return std::hash<std::string>{}(text ? "text " + *text : "error " + text.error().message);
}

}  // namespace

model::Mesh to_remember(const model::Mesh& mesh) {
    if (mesh.source) return mesh;
    model::Mesh kept;
    kept.watch = mesh.watch;
    return kept;
}

model::Mesh with_envoy(model::Mesh merged, const std::optional<importer::EnvoyConfig>& envoy) {
    if (!merged.source) return merged;
    if (envoy) {
        importer::merge_envoy(importer::EnvoyConfig(*envoy), merged);
        return merged;
    }
    // The kernel must not decide by a mesh that nobody knows yet.
    merged.policy.enforced_by = model::EnforcedBy::kProxy;
    for (auto& scope : merged.scopes)
        if (scope.policy) scope.policy->enforced_by = model::EnforcedBy::kProxy;
    return merged;
}

Reloader::Reloader(std::string config_file, Apply apply, const sync::ApplyReport& first, const model::Mesh& mesh,
                   std::optional<importer::EnvoyConfig> envoy)
    : config_file_(std::move(config_file)),
      apply_(std::move(apply)),
      envoy_(std::move(envoy)),
      mesh_(to_remember(mesh)),
      generation_(first.generation),
      entries_(first.entries) {
    const auto text = config::read_source(config_file_, config::Writers::kTrusted);
    in_force_text_ = hash_of(text);
    if (text) in_force_ = *text;
}

base::Result<sync::ApplyReport> Reloader::load_and_apply(const base::Result<std::string>& text, Took& took) {
    const auto start = std::chrono::steady_clock::now();
    if (!text) return tl::unexpected<base::Error>(text.error());
    auto loaded = config::load_text(*text, config_file_);
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    const auto read = std::chrono::steady_clock::now();
    auto kept = to_remember(loaded->mesh);
    auto report = apply_(with_envoy(std::move(loaded->mesh), envoy_));
    const auto done = report ? report->in_force : std::chrono::steady_clock::now();
    took = {Milliseconds(read - start).count(), Milliseconds(done - read).count()};
    if (!report) return report;
    report->warnings.insert(report->warnings.begin(), loaded->warnings.begin(), loaded->warnings.end());
    const std::lock_guard lock(score_);
    mesh_ = std::move(kept);
    return report;
}

base::Result<sync::ApplyReport> Reloader::reload() {
    const std::lock_guard one_at_a_time(reloading_);
    return reload_text(config::read_source(config_file_, config::Writers::kTrusted));
}

void Reloader::reload_if_changed() {
    const std::lock_guard one_at_a_time(reloading_);
    const auto text = config::read_source(config_file_, config::Writers::kTrusted);
    const auto hash = hash_of(text);
    if (hash == in_force_text_ || hash == refused_text_) return;
    spdlog::info("{} has changed", config_file_);
    (void)reload_text(text);
}

base::Result<sync::ApplyReport> Reloader::reload_text(const base::Result<std::string>& text) {
    Took took;
    auto applied = load_and_apply(text, took);
    base::release_free_memory();
    auto report = keep_score(std::move(applied), took);
    (report ? in_force_text_ : refused_text_) = hash_of(text);
    if (report) in_force_ = *text;
    if (report && changed_) changed_();
    return report;
}

base::Status Reloader::follow(importer::EnvoyConfig&& envoy) {
    const std::lock_guard one_at_a_time(reloading_);
    std::optional<importer::EnvoyConfig> next(std::move(envoy));
    model::Mesh mesh;
    {
        const std::lock_guard lock(score_);
        mesh = with_envoy(mesh_, next);
    }
    if (!mesh.source) return {};  // the file has changed its mind meanwhile
    for (const auto& remark : next->remarks)
        if (remark.differs) spdlog::warn("source: {}", remark.text);
    Took took;
    const auto start = std::chrono::steady_clock::now();
    auto applied = apply_(mesh);
    took.apply_ms = Milliseconds((applied ? applied->in_force : std::chrono::steady_clock::now()) - start).count();
    base::release_free_memory();
    auto report = keep_score(std::move(applied), took);
    if (!report) return tl::unexpected<base::Error>(report.error());
    envoy_ = std::move(next);
    return {};
}

base::Result<sync::ApplyReport> Reloader::keep_score(base::Result<sync::ApplyReport> report, const Took& took) {
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

bool Reloader::watched() const {
    const std::lock_guard lock(score_);
    return mesh_.watch;
}

std::optional<model::EnvoySource> Reloader::source() const {
    const std::lock_guard lock(score_);
    return mesh_.source;
}

base::Status Reloader::apply_again() {
    const std::lock_guard one_at_a_time(reloading_);
    auto loaded = config::load_text(in_force_, config_file_);
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    const auto report = apply_(with_envoy(std::move(loaded->mesh), envoy_));
    base::release_free_memory();
    if (!report) return tl::unexpected<base::Error>(report.error());
    const std::lock_guard lock(score_);
    generation_ = report->generation;
    entries_ = report->entries;
    return {};
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
        {"lastError", last_error_.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(last_error_)},
        {"watched", mesh_.watch},
        {"source", source_status_ ? source_status_() : nlohmann::ordered_json(nullptr)}};
}

telemetry::ReloadScore Reloader::score() const {
    const std::lock_guard lock(score_);
    return {started_, last_good_, reloads_ - failed_, failed_, !last_error_.empty()};
}

}  // namespace shunt::daemon
