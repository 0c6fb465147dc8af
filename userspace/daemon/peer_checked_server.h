// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

namespace shunt::daemon {

// httplib's server, which tells handlers nothing about a peer on an AF_UNIX socket. The check is made on the accepted
// socket itself, before a byte is read: the mode of the socket file is one `chmod` away from letting everybody in.
class PeerCheckedServer : public httplib::Server {
private:
    bool process_and_close_socket(socket_t sock) override;
};

}  // namespace shunt::daemon
