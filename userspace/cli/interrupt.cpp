// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

namespace shunt::cli {
namespace {

volatile std::sig_atomic_t was_asked = 0;

}  // namespace

Interrupt::Interrupt() {
    was_asked = 0;
    struct sigaction action {};
    // Without SA_RESTART: a wait ends, and so does a write to a pipe that is full. A second signal kills as ever.
    action.sa_handler = [](int) { was_asked = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &int_before_);
    sigaction(SIGTERM, &action, &term_before_);
}

Interrupt::~Interrupt() {
    sigaction(SIGINT, &int_before_, nullptr);
    sigaction(SIGTERM, &term_before_, nullptr);
}

bool Interrupt::asked() const { return was_asked != 0; }

}  // namespace shunt::cli
