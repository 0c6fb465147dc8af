// SPDX-License-Identifier: Apache-2.0
// A histogram as one line of text, in the form that the tools of HdrHistogram read and write: its V2 encoding,
// compressed, in base64 ("HISTFA..."). Three significant digits, values from 1 on, as histogram.h has them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bench/histogram.h"

namespace shunt::bench {

std::string to_text(const Histogram& histogram);

// Only what has three significant digits and a lowest value of 1, as all of ours have.
base::Result<Histogram> histogram_of(std::string_view text);

}  // namespace shunt::bench
