// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace shunt::cli {

// While it lives, SIGINT and SIGTERM end a stream in good order instead of the process: what was seen is still printed.
class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    bool asked() const;

private:
    struct sigaction int_before_ {};
    struct sigaction term_before_ {};
};

}  // namespace shunt::cli
