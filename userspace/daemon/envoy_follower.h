// SPDX-License-Identifier: Apache-2.0
// Asks Envoy's admin port for its configuration at an interval, and hands on what has changed, whole.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.h"
#include "importer/envoy.h"
#include "model/mesh.h"

namespace shunt::daemon {

class EnvoyFollower {
public:
    using Source = std::function<std::optional<model::EnvoySource>()>;           // what is configured now
    using Take = std::function<base::Status(importer::EnvoyConfig&& complete)>;  // puts it into force, or not

    EnvoyFollower(Source source, Take take) : source_(std::move(source)), take_(std::move(take)) {}
    EnvoyFollower(const EnvoyFollower&) = delete;
    EnvoyFollower& operator=(const EnvoyFollower&) = delete;
    ~EnvoyFollower() { stop(); }

    void start();
    void stop();
    void source_changed();                  // look at it now
    nlohmann::ordered_json status() const;  // null where nothing is followed

private:
    void follow(const std::stop_token& stop);
    base::Status look(const model::EnvoySource& source, const std::stop_token& stop);
    void keep_score(const model::EnvoySource& source, const base::Status& looked);

    const Source source_;
    const Take take_;
    mutable std::mutex mutex_;
    std::condition_variable_any woken_;
    bool changed_ = false;
    std::optional<std::uint64_t> hash_;  // of the dump that is in force
    // One that was refused for what it says: it is not read again for as long as Envoy says the same.
    std::optional<std::pair<std::uint64_t, base::Error>> refused_;
    std::string admin_, node_, last_error_;
    std::map<std::string, std::string> versions_;
    std::uint64_t polls_ = 0, failures_ = 0, taken_ = 0;
    std::thread thread_;
    std::stop_source stop_;
};

// A dump that may be acted on: all of it came, and Envoy has its listeners.
base::Result<importer::EnvoyConfig> complete_dump(importer::ByteSource& bytes, const std::string& name);

}  // namespace shunt::daemon
