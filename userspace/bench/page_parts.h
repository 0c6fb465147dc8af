// SPDX-License-Identifier: Apache-2.0
// Files that the page carries; the build puts them into the library (cmake/Embed.cmake).
#pragma once

#include <string_view>

namespace shunt::bench {

extern const std::string_view kPageStyle;     // page.css
extern const std::string_view kPageScript;    // page.js
extern const std::string_view kChartLibrary;  // Chart.js
extern const std::string_view kChartLicence;  // its licence, which goes where it goes

}  // namespace shunt::bench
