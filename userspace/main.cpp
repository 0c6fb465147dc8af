// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/app.h"

namespace {

// What is opened later must not get the number of a closed standard stream: data would go into a map or a socket.
// Reading and writing then fail as they would on the closed one.
void occupy_closed_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int argc, char** argv) {
    occupy_closed_streams();
    // A reader that goes away shows as EPIPE where we write, instead of ending a controller in the middle of its work.
    std::signal(SIGPIPE, SIG_IGN);
    shunt::cli::FileOutput out(STDOUT_FILENO);
    return shunt::cli::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                           {out, std::cin, std::cerr});
}
