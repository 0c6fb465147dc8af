// SPDX-License-Identifier: Apache-2.0
#include "harness/address.h"
#include "harness/error.h"
#include "harness/listen.h"
#include "harness/servers.h"

#include <sys/socket.h>

namespace shunt::harness {

namespace {

void serve(int control, const std::vector<std::uint16_t>& ports, const std::string& word) {
    Loop loop;
    std::vector<Fd> listeners;
    for (const auto port : ports) {
        for (const char* address : {"0.0.0.0:", "[::]:"}) {
            listeners.push_back(listen_on(address + std::to_string(port)));
            const int listener = listeners.back().get();
            loop.add(listener, [listener, &word] {
                const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (fd >= 0) answer_and_close(fd, word + " " + local_text(fd) + " from " + peer_text(fd));
            });
        }
    }
    send_text(control, "ready");
    loop.run();
}

}  // namespace

DirectServer::DirectServer(const Placement& place, const std::vector<std::uint16_t>& ports, const std::string& word)
    : child_(place, [&](int control) { serve(control, ports, word); }) {
    const auto ready = receive_text(child_.control());
    if (ready != "ready") throw std::runtime_error("direct server: " + ready);
}

}  // namespace shunt::harness
