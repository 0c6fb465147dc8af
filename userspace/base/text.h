// SPDX-License-Identifier: Apache-2.0
// Text that came from outside, made fit for a message of one line; and the name somebody may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::base {

// Quotes and backslashes with a backslash before them, control characters as \xHH, other invisible ones as \uHHHH: what
// stands between the quotes of a message, or of a YAML scalar. Everything else, UTF-8 included, as it is.
std::string escaped(std::string_view text);
// In double quotes; control characters and quotes escaped, cut after 80 bytes (never inside a UTF-8 sequence).
std::string quoted(std::string_view text);

// Optimal string alignment distance, upper and lower case being equal; `limit + 1` as soon as it is more than `limit`.
std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit);

// The candidate nearest to `name`, where it is near enough to have been meant (a third of its length, at least two).
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string_view>& candidates);

// " (did you mean "NAME"?)", or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace shunt::base
