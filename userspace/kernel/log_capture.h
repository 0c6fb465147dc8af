// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shunt::kernel {

// Collects what libbpf prints (the verifier's log among it) on this thread while it lives; nothing reaches stderr.
class LogCapture {
public:
    LogCapture();
    ~LogCapture();
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;
    std::string text() const;
};

}  // namespace shunt::kernel
