// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace httplib {
class Server;
}

namespace shunt::daemon {

// Runs a bound server beside the controller. The server must outlive it.
class ServerThread {
public:
    ServerThread() = default;
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;
    ~ServerThread() { stop(); }

    void start(httplib::Server& server, const std::string& label);
    void stop();  // waits for answers that are being given

private:
    httplib::Server* server_ = nullptr;
    std::atomic<bool> ended_ = false;
    std::thread thread_;
};

}  // namespace shunt::daemon
