// SPDX-License-Identifier: Apache-2.0
// GET /metrics over HTTP, and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/server_thread.h"
#include "model/mesh.h"

namespace shunt::daemon {

class MetricsServer {
public:
    using Render = std::function<base::Result<std::string>()>;  // called from several threads

    // A socket gets mode 0600; one that nobody serves any more is replaced, any other file there is an error.
    static base::Result<std::unique_ptr<MetricsServer>> bind(const model::MetricsListener& listener, Render render);

    void serve();
    const model::MetricsListener& listener() const { return listener_; }

    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;
    ~MetricsServer();  // ends it and removes its socket

private:
    MetricsServer(model::MetricsListener listener, std::unique_ptr<httplib::Server> server);

    const model::MetricsListener listener_;
    std::unique_ptr<httplib::Server> server_;
    ServerThread thread_;
};

std::string to_string(const model::MetricsListener& listener);  // "http://127.0.0.1:9464/metrics", "unix:/run/m.sock"

}  // namespace shunt::daemon
