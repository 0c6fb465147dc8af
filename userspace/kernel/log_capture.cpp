// SPDX-License-Identifier: Apache-2.0
#include "kernel/log_capture.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <vector>

namespace shunt::kernel {
namespace {

thread_local std::string captured;

int collect(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    va_list copy;
    va_copy(copy, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    if (length <= 0) return 0;
    std::vector<char> line(static_cast<std::size_t>(length) + 1);
    std::vsnprintf(line.data(), line.size(), format, arguments);
    captured.append(line.data(), static_cast<std::size_t>(length));
    return length;
}

}  // namespace

LogCapture::LogCapture() {
    captured.clear();
    libbpf_set_print(collect);
}

// libbpf stays quiet afterwards too: its failures reach the user as our errors.
LogCapture::~LogCapture() { captured.clear(); }

std::string LogCapture::text() const { return captured; }

}  // namespace shunt::kernel
