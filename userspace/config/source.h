// SPDX-License-Identifier: Apache-2.0
// A configuration as bytes: reads the file, and refuses bytes that no configuration contains.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/problems.h"

namespace shunt::config {

inline constexpr std::size_t kMaxBytes = 64u << 20;

// kTrusted: a file that others can change is refused (trust.h). A controller acts on it; whoever only looks need not
// care.
enum class Writers { kAnybody, kTrusted };

// Regular files only: a FIFO or a device would make `shunt run` wait, or never end. A file that is larger than
// kMaxBytes is read up to kMaxBytes + 1 and refused by check_source().
base::Result<std::string> read_source(const std::string& path, Writers writers = Writers::kAnybody);

// UTF-8 without control characters, without tabs in the indentation. Reports each line's first offence.
void check_source(std::string_view text, Problems& problems);

// The text behind a byte order mark.
std::string_view without_bom(std::string_view text);

}  // namespace shunt::config
