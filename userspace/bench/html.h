// SPDX-License-Identifier: Apache-2.0
// Text and tables of the report page. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace shunt::bench {

std::string escape_html(const std::string& text);

// Cells are plain text. A table that is wider than the screen is scrolled by itself.
std::string table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);

// The same, shown when it is asked for: the figures of a chart, for those who cannot see it.
std::string folded_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);

}  // namespace shunt::bench
