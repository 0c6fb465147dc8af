// SPDX-License-Identifier: Apache-2.0
#include "daemon/server_thread.h"

#include <httplib.h>
#include <spdlog/spdlog.h>

#include <chrono>

namespace shunt::daemon {

void ServerThread::start(httplib::Server& server, const std::string& label) {
    server_ = &server;
    thread_ = std::thread([this, label] {
        if (!server_->listen_after_bind()) spdlog::error("{}: no longer served", label);
        ended_ = true;
    });
}

void ServerThread::stop() {
    if (!thread_.joinable()) return;
    // Server::stop() does nothing before the thread has come to its loop, and then that loop would never end.
    while (!server_->is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    server_->stop();
    thread_.join();
}

}  // namespace shunt::daemon
