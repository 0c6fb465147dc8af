// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace shunt::base {

Error errno_error(const std::string& what, int error_number) {
    const int number = error_number < 0 ? -error_number : error_number;
    Error error;
    error.number = number;
    const char* name = strerrorname_np(number);
    error.message = what + ": " + strerror(number) + " (" + (name ? name : std::to_string(number)) + ")";
    if (number == EPERM || number == EACCES) error.code = ExitCode::kPermission;
    return error;
}

}  // namespace shunt::base
