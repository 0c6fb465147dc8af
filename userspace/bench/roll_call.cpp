// SPDX-License-Identifier: Apache-2.0
#include "bench/roll_call.h"

#include <fmt/format.h>

namespace shunt::bench {

std::string RollCall::problem(std::optional<std::uint64_t> number, const base::SocketAddress& told) {
    if (!number) return fmt::format("a connection to {} said no number", base::to_string(told));
    if (*number >= answered_.size()) return fmt::format("there is no connection {} in this batch", *number);
    if (answered_[*number]) return fmt::format("connection {} came twice", *number);
    answered_[*number] = true;
    const auto dialled = dialled_(*number);
    return told == dialled ? "" : fmt::format("{} instead of {}", base::to_string(told), base::to_string(dialled));
}

void RollCall::answer(std::optional<std::uint64_t> number, const base::SocketAddress& told) {
    ++seen_;
    const auto what = problem(number, told);
    if (what.empty())
        ++right_;
    else if (first_wrong_.empty())
        first_wrong_ = what;
}

}  // namespace shunt::bench
