// SPDX-License-Identifier: Apache-2.0
#include "bench/html.h"

namespace shunt::bench {
namespace {

std::string row(const std::vector<std::string>& cells, const std::string& tag) {
    std::string text;
    for (const auto& cell : cells) text += "<" + tag + ">" + escape_html(cell) + "</" + tag + ">";
    return "<tr>" + text + "</tr>\n";
}

}  // namespace

std::string escape_html(const std::string& text) {
    std::string result;
    for (const char c : text) switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            default: result += c;
        }
    return result;
}

std::string table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
    std::string text = "<div class=\"wide\"><table>\n" + row(titles, "th");
    for (const auto& cells : rows) text += row(cells, "td");
    return text + "</table></div>\n";
}

std::string folded_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
    return "<details><summary>The figures</summary>\n" + table(titles, rows) + "</details>\n";
}

}  // namespace shunt::bench
