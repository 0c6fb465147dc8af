// SPDX-License-Identifier: Apache-2.0
// Keeps what was installed whole while the controller runs; says once what happened, and counts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "sync/keeper.h"
#include "telemetry/metrics.h"

namespace shunt::daemon {

class Mender {
public:
    using Repair = std::function<sync::RepairReport()>;
    explicit Mender(Repair repair) : repair_(std::move(repair)) {}

    // One look. A cause is logged when it first occurs and each time its count has doubled, so that somebody who
    // detaches in a loop does not fill the log; what cannot be repaired, when it begins and when it ends.
    void look();

    void add_to(nlohmann::ordered_json& status) const;  // "repairs", "broken"
    void add_to(telemetry::ReloadScore& score) const;

private:
    const Repair repair_;
    mutable std::mutex mutex_;
    std::uint64_t repairs_ = 0;
    std::map<std::string, std::uint64_t> causes_;
    std::set<std::string> broken_;
};

}  // namespace shunt::daemon
