// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/app.h"

int main(int argc, char** argv) {
    // A reader that goes away shows as EPIPE where we write, instead of ending a controller in the middle of its work.
    std::signal(SIGPIPE, SIG_IGN);
    shunt::cli::FileOutput out(STDOUT_FILENO);
    return shunt::cli::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                           {out, std::cin, std::cerr});
}
