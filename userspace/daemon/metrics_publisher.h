// SPDX-License-Identifier: Apache-2.0
// What is published, and where: follows the configuration, with a reload that moves it as much a whole as any other.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/hit_names.h"
#include "daemon/metrics_server.h"
#include "kernel/paths.h"
#include "telemetry/metrics.h"

namespace shunt::daemon {

class MetricsPublisher {
public:
    explicit MetricsPublisher(kernel::Paths paths) : paths_(std::move(paths)) {}

    // A server that is bound and not yet serving. Empty where `keep`: the one that serves now is the one wanted.
    struct Change {
        bool keep = false;
        std::unique_ptr<MetricsServer> next;
    };
    base::Result<Change> prepare(const std::optional<model::MetricsListener>& wanted);
    // `mesh` is what is in force.
    void commit(Change change, const model::Mesh& mesh);

    void set_score(std::function<telemetry::ReloadScore()> score) { score_ = std::move(score); }
    void stop() { server_.reset(); }

private:
    base::Result<std::string> render();

    const kernel::Paths paths_;
    std::function<telemetry::ReloadScore()> score_;  // set before the first commit()
    std::mutex rendering_;                           // one look at the kernel at a time, however many ask
    std::mutex naming_;                              // held for moments: a reload does not wait for a look
    std::shared_ptr<const HitNames> names_ = std::make_shared<HitNames>();
    std::unique_ptr<MetricsServer> server_;
};

}  // namespace shunt::daemon
