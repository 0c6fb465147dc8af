// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_publisher.h"

#include <spdlog/spdlog.h>

#include "base/version.h"
#include "diagnose/proxy_reach.h"

namespace shunt::daemon {
namespace {

// A reload removes pins while they are read; a second look finds what it left.
constexpr int kAttempts = 3;

}  // namespace

base::Result<MetricsPublisher::Change> MetricsPublisher::prepare(const std::optional<model::MetricsListener>& wanted) {
    Change change;
    change.keep = wanted ? server_ && server_->listener() == *wanted : !server_;
    if (change.keep || !wanted) return change;
    auto bound = MetricsServer::bind(*wanted, [this] { return render(); });
    if (!bound) return tl::unexpected<base::Error>(bound.error());
    change.next = std::move(*bound);
    return change;
}

void MetricsPublisher::commit(Change change, const model::Mesh& mesh) {
    {
        const bool published = change.keep ? server_ != nullptr : change.next != nullptr;
        auto names = published ? std::make_shared<HitNames>(mesh) : std::make_shared<HitNames>();
        const std::lock_guard lock(naming_);
        names_ = std::move(names);
    }
    if (change.keep) return;
    server_ = std::move(change.next);
    if (!server_) return spdlog::info("metrics are no longer published");
    server_->serve();
    spdlog::info("metrics at {}{}", to_string(server_->listener()),
                 kernel::program_stats_enabled()
                     ? ""
                     : "; without the programs' run time: sysctl kernel.bpf_stats_enabled is 0");
}

base::Result<std::string> MetricsPublisher::render() {
    const std::lock_guard lock(rendering_);
    telemetry::Metrics metrics;
    metrics.version = base::build_info().version;
    metrics.revision = base::build_info().revision;
    metrics.program_stats = kernel::program_stats_enabled();
    metrics.score = score_();
    base::Error error;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        auto snapshot = telemetry::read_snapshot(paths_);
        if (!snapshot) {
            error = snapshot.error();
            continue;
        }
        metrics.snapshot = std::move(*snapshot);
        if (metrics.snapshot.installed) {
            auto programs = kernel::read_program_stats(metrics.snapshot.pin_directory + "/progs");
            if (!programs) {
                error = programs.error();
                continue;
            }
            metrics.programs = std::move(*programs);
            const auto bank = static_cast<unsigned>(metrics.snapshot.generation & 1);
            const auto hits = telemetry::read_hits(metrics.snapshot.pin_directory, bank, telemetry::kHitSeries);
            if (!hits) {
                error = hits.error();
                continue;
            }
            const auto names = [&] {
                const std::lock_guard naming(naming_);
                return names_;
            }();
            names->write(*hits, metrics);
        }
        metrics.proxy = diagnose::proxy_reach(metrics.snapshot);
        return telemetry::to_prometheus(metrics);
    }
    return tl::unexpected<base::Error>(error);
}

}  // namespace shunt::daemon
