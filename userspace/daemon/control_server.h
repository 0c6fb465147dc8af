// SPDX-License-Identifier: Apache-2.0
// RUN_DIR/control.sock: HTTP over a socket that root alone can reach.
//   POST /v1/reload  -> 200 {"generation", "entries", "changed", "warnings"}
//                    or 422 {"error", "exitCode", "detail"}
//   GET  /v1/status  -> 200, see Reloader::status(); with "repairs" and "broken"
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/server_thread.h"

namespace shunt::daemon {

class Mender;
class Reloader;
class PeerCheckedServer;

class ControlServer {
public:
    // Makes the directory (0700) and the socket (0600). A socket that a dead controller left is replaced, that of a
    // living one is an error.
    static base::Result<std::unique_ptr<ControlServer>> bind(const std::string& run_dir);

    void serve(Reloader& reloader, const Mender& mender);  // in a thread of its own; both must outlive stop()
    void stop();                                           // ends it and removes the socket

    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    ~ControlServer();

private:
    ControlServer(std::string socket_path, int lock_fd);

    std::string socket_path_;
    int lock_fd_;
    std::unique_ptr<PeerCheckedServer> server_;
    ServerThread thread_;
};

std::string control_socket(const std::string& run_dir);

}  // namespace shunt::daemon
