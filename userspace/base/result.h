// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace shunt::base {

// Exit codes of the command line; an Error carries the one it will end with.
enum class ExitCode : int {
    kOk = 0,
    kFailure = 1,
    kUsage = 2,
    kConfigInvalid = 3,
    kFeatureMissing = 4,
    kPermission = 5,
    kControllerUnreachable = 6,
};

struct Error {
    ExitCode code = ExitCode::kFailure;
    std::string message;  // one or more whole lines, ready to print, naming the object that failed
    std::string detail;   // long text shown with -v only (the verifier's log); often empty
    int number = 0;       // errno of the call that failed; 0 where none did
};

// The one result type below main().
template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(std::string message, ExitCode code = ExitCode::kFailure) {
    return tl::unexpected<Error>(Error{code, std::move(message), {}, 0});
}

// Puts the name of the object in hand before an error's message: wrap("map shunt_ports", error).
inline tl::unexpected<Error> wrap(const std::string& object, Error error) {
    error.message = object + ": " + error.message;
    return tl::unexpected<Error>(std::move(error));
}

// "what: strerror(errno) (ENAME)"; EPERM and EACCES become ExitCode::kPermission.
Error errno_error(const std::string& what, int error_number);

}  // namespace shunt::base
