// SPDX-License-Identifier: Apache-2.0
// The proof of one batch. Each connection says its number in the batch, so it does not matter in which order the proxy
// accepts them: a final ACK that is lost makes one come a second later than those behind it, and NAT may change the
// port that it comes from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/net.h"

namespace shunt::bench {

class RollCall {
public:
    using Dialled = std::function<base::SocketAddress(std::uint64_t number)>;

    RollCall(std::uint64_t count, Dialled dialled) : dialled_(std::move(dialled)), answered_(count) {}

    // An accepted connection: the number it said, unset where it said none, and its original destination.
    void answer(std::optional<std::uint64_t> number, const base::SocketAddress& told);

    std::uint64_t seen() const { return seen_; }
    // Of those, each with a number of its own and the destination that was dialled under that number.
    std::uint64_t right() const { return right_; }
    const std::string& first_wrong() const { return first_wrong_; }  // empty: none

private:
    std::string problem(std::optional<std::uint64_t> number, const base::SocketAddress& told);

    Dialled dialled_;
    std::vector<bool> answered_;
    std::uint64_t seen_ = 0, right_ = 0;
    std::string first_wrong_;
};

}  // namespace shunt::bench
