// SPDX-License-Identifier: Apache-2.0
// Reads the configuration file again and hands it to the controller, one reload at a time, and keeps the score.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "model/mesh.h"
#include "sync/controller.h"
#include "telemetry/metrics.h"

namespace shunt::daemon {

class Reloader {
public:
    using Apply = std::function<base::Result<sync::ApplyReport>(const model::Mesh&)>;

    // `first` is the report of the configuration already in force.
    Reloader(std::string config_file, Apply apply, const sync::ApplyReport& first);

    // Refuses a bad file as a whole; the one in force stays. Logs and counts either way. Any thread may call it.
    base::Result<sync::ApplyReport> reload();

    const std::string& config_file() const { return config_file_; }
    std::uint64_t generation() const;
    std::string summary() const;            // one line, for systemctl status
    nlohmann::ordered_json status() const;  // body of GET /v1/status
    telemetry::ReloadScore score() const;

private:
    struct Took {
        double read_ms = 0;   // the file, checked
        double apply_ms = 0;  // compiled, written, switched
    };
    base::Result<sync::ApplyReport> load_and_apply(Took& took);

    const std::string config_file_;
    const Apply apply_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    std::mutex reloading_;      // held for a whole reload
    mutable std::mutex score_;  // held for moments, so that status answers during a reload
    std::uint64_t generation_;
    std::size_t entries_;
    std::uint64_t reloads_ = 0;
    std::uint64_t failed_ = 0;
    std::chrono::system_clock::time_point last_good_ = started_;
    std::string last_error_;  // of the latest reload; empty where it succeeded
    Took took_;
};

}  // namespace shunt::daemon
