// SPDX-License-Identifier: Apache-2.0
#include "config/problems.h"

#include <algorithm>
#include <tuple>

namespace shunt::config {

std::vector<std::string> Problems::lines(std::vector<Problem> problems) const {
    // Stable: two problems of one place stay in the order in which they were found.
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
    });
    std::vector<std::string> out;
    out.reserve(problems.size());
    for (const auto& [place, message] : problems) {
        out.push_back(file_ + ":" + std::to_string(std::max(place.line, 1)) + ":" +
                      std::to_string(std::max(place.column, 1)) + ": " +
                      (place.path.empty() ? "document" : place.path) + ": " + message);
    }
    return out;
}

}  // namespace shunt::config
