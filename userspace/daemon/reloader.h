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
#include "importer/envoy.h"
#include "model/mesh.h"
#include "sync/controller.h"
#include "telemetry/metrics.h"

namespace shunt::daemon {

class Reloader {
public:
    using Apply = std::function<base::Result<sync::ApplyReport>(const model::Mesh&)>;

    // `first` is the report of the configuration already in force, `mesh` that configuration before what Envoy said was
    // put into it, `envoy` what it said.
    Reloader(std::string config_file, Apply apply, const sync::ApplyReport& first, const model::Mesh& mesh = {},
             std::optional<importer::EnvoyConfig> envoy = {});

    // Refuses a bad file as a whole; the one in force stays. Logs and counts either way. Any thread may call it.
    base::Result<sync::ApplyReport> reload();

    // The same, unless the file is what is in force, or was refused already: then nothing happens, and nothing is said.
    void reload_if_changed();
    // Puts the configuration in force into the tables once more, whatever the file says by now: a cgroup that it names
    // is another one since it was made again. Is no reload; the caller says what came of it.
    base::Status apply_again();
    // Puts what Envoy says into the configuration in force.
    base::Status follow(importer::EnvoyConfig&& envoy);

    bool watched() const;                              // `watch` of the configuration in force
    std::optional<model::EnvoySource> source() const;  // its `source`
    void on_reload(std::function<void()> changed) { changed_ = std::move(changed); }  // before others use it
    void set_source_status(std::function<nlohmann::ordered_json()> status) { source_status_ = std::move(status); }

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
    base::Result<sync::ApplyReport> load_and_apply(const base::Result<std::string>& text, Took& took);
    base::Result<sync::ApplyReport> reload_text(const base::Result<std::string>& text);
    base::Result<sync::ApplyReport> keep_score(base::Result<sync::ApplyReport> report, const Took& took);

    const std::string config_file_;
    const Apply apply_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    std::function<void()> changed_;
    std::function<nlohmann::ordered_json()> source_status_;
    std::mutex reloading_;  // held for a whole reload, and guards these:
    std::optional<importer::EnvoyConfig> envoy_;
    std::string in_force_;                                     // the file
    std::optional<std::size_t> in_force_text_, refused_text_;  // hashes of the file
    mutable std::mutex score_;  // held for moments, so that status answers during a reload
    model::Mesh mesh_;  // as the file says; without `source` only what is asked for here, a large one is not kept
    std::uint64_t generation_;
    std::size_t entries_;
    std::uint64_t reloads_ = 0;
    std::uint64_t failed_ = 0;
    std::chrono::system_clock::time_point last_good_ = started_;
    std::string last_error_;  // of the latest reload; empty where it succeeded
    Took took_;
};

// Of a mesh that is in force, what is needed to put another dump into it.
model::Mesh to_remember(const model::Mesh& mesh);

// A configuration with `source`, and what Envoy said: without anything yet, all that is captured goes to the proxy.
model::Mesh with_envoy(model::Mesh mesh, const std::optional<importer::EnvoyConfig>& envoy);

}  // namespace shunt::daemon
