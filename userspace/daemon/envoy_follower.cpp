// SPDX-License-Identifier: Apache-2.0
#include "daemon/envoy_follower.h"

#include <spdlog/spdlog.h>

#include "importer/envoy_fetch.h"

namespace shunt::daemon {

base::Result<importer::EnvoyConfig> complete_dump(importer::ByteSource& bytes, const std::string& name) {
    auto envoy = importer::read_envoy(bytes, name);
    if (envoy && !envoy->listen_v4 && !envoy->listen_v6)
        return base::fail(name + ": no listener with use_original_dst: Envoy has not got its configuration yet");
    return envoy;
}

void EnvoyFollower::start() {
    thread_ = std::thread([this] { follow(stop_.get_token()); });
}

void EnvoyFollower::stop() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void EnvoyFollower::source_changed() {
    {
        const std::lock_guard lock(mutex_);
        changed_ = true;
    }
    woken_.notify_all();
}

void EnvoyFollower::follow(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const auto source = source_();
        if (source) keep_score(*source, look(*source, stop));
        std::unique_lock lock(mutex_);
        const auto woken = [&] { return changed_; };
        if (source)
            woken_.wait_for(lock, stop, source->interval, woken);
        else
            woken_.wait(lock, stop, woken);
        changed_ = false;
    }
}

base::Status EnvoyFollower::look(const model::EnvoySource& source, const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (admin_ != source.admin) {
            hash_.reset();
            refused_.reset();
        }
        admin_ = source.admin;
    }
    const auto spool = importer::fetch_dump(source.admin, importer::FetchLimits{}, stop);
    if (!spool) return tl::unexpected<base::Error>(spool.error());
    if (hash_ == spool->hash()) return {};
    if (refused_ && refused_->first == spool->hash()) return tl::unexpected<base::Error>(refused_->second);
    auto bytes = spool->read(source.admin);
    if (!bytes) return tl::unexpected<base::Error>(bytes.error());
    auto envoy = complete_dump(*bytes, source.admin);
    if (!envoy) {
        refused_.emplace(spool->hash(), envoy.error());
        return tl::unexpected<base::Error>(envoy.error());
    }
    const std::string node = envoy->node;
    const auto versions = envoy->versions;
    if (auto taken = take_(std::move(*envoy)); !taken) return taken;
    const std::lock_guard lock(mutex_);
    hash_ = spool->hash();
    node_ = node;
    versions_ = versions;
    ++taken_;
    return {};
}

// The same failure again and again is counted, and said once.
void EnvoyFollower::keep_score(const model::EnvoySource& source, const base::Status& looked) {
    const std::lock_guard lock(mutex_);
    ++polls_;
    if (looked) {
        if (!last_error_.empty()) spdlog::info("source {}: answers again", source.admin);
        last_error_.clear();
        return;
    }
    ++failures_;
    if (looked.error().message != last_error_ && !stop_.stop_requested())
        spdlog::warn("source: {}; what is in force stays", looked.error().message);
    last_error_ = looked.error().message;
}

nlohmann::ordered_json EnvoyFollower::status() const {
    const std::lock_guard lock(mutex_);
    if (admin_.empty()) return nullptr;
    const auto text = [](const std::string& value) {
        return value.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(value);
    };
    return {{"admin", admin_}, {"node", text(node_)},   {"versions", versions_},         {"polls", polls_},
            {"taken", taken_}, {"failures", failures_}, {"lastError", text(last_error_)}};
}

}  // namespace shunt::daemon
