// SPDX-License-Identifier: Apache-2.0
#include "daemon/mender.h"

#include <spdlog/spdlog.h>

#include <bit>

namespace shunt::daemon {
namespace {

// Causes name objects of this installation, so there are few; a bound all the same, as others make them happen.
constexpr std::size_t kMostCauses = 4096;

}  // namespace

void Mender::look() {
    const auto report = repair_();
    const std::lock_guard lock(mutex_);
    if (causes_.size() > kMostCauses) causes_.clear();
    for (const auto& cause : report.repaired) {
        ++repairs_;
        const auto count = ++causes_[cause];
        if (!std::has_single_bit(count)) continue;
        spdlog::warn("repaired: {}{}", cause, count > 1 ? " (" + std::to_string(count) + " times so far)" : "");
    }
    for (const auto& end : report.finished) spdlog::info("{}", end);
    const std::set<std::string> now(report.broken.begin(), report.broken.end());
    for (const auto& cause : now)
        if (!broken_.contains(cause)) spdlog::error("cannot be repaired: {}", cause);
    for (const auto& cause : broken_)
        if (!now.contains(cause)) spdlog::info("no longer broken: {}", cause);
    broken_ = now;
}

void Mender::add_to(nlohmann::ordered_json& status) const {
    const std::lock_guard lock(mutex_);
    status["repairs"] = repairs_;
    status["broken"] = broken_;
}

void Mender::add_to(telemetry::ReloadScore& score) const {
    const std::lock_guard lock(mutex_);
    score.repairs = repairs_;
    score.broken = broken_.size();
}

}  // namespace shunt::daemon
