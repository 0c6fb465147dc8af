// SPDX-License-Identifier: Apache-2.0
// Listening sockets and the epoll loop shared by the servers. Used inside their child processes only.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <unordered_map>

#include "harness/fd.h"

namespace shunt::harness {

// "0.0.0.0:80", "[::]:80" (v6 only) or "dual:80" (wildcard of both families). Nonblocking, with a long backlog.
Fd listen_on(const std::string& address, bool share_port = false);

// Does anybody listen on that port, in the network namespace of that process? Without starting another one to look.
bool listens(pid_t process, unsigned port);

class Loop {
public:
    Loop();
    void add(int fd, std::function<void()> on_readable);
    void remove(int fd);
    [[noreturn]] void run();

private:
    Fd epoll_;
    std::unordered_map<int, std::function<void()>> handlers_;
};

// A connection answered: the line goes out before the end of the stream, even where the client sent nothing.
void answer_and_close(int fd, const std::string& line);

}  // namespace shunt::harness
