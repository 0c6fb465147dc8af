// SPDX-License-Identifier: Apache-2.0
#include "bench/charts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bench/html.h"

namespace shunt::bench {
namespace {

using Json = nlohmann::ordered_json;

// JSON inside of a script element ends with the first "</script", and "<!--" changes how it is read: no "<" stays.
std::string in_script(const Json& json) {
    std::string text;
    for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace))
        if (c == '<')
            text += "\\u003c";
        else
            text += c;
    return text;
}

std::string figure_of(const std::string& kind, std::size_t rows, const std::string& words, const Json& data) {
    return fmt::format(
        "<figure class=\"chart {}\" style=\"--rows: {}\"><div class=\"plot\"><canvas role=\"img\" "
        "aria-label=\"{}\"></canvas></div>\n<script type=\"application/json\">{}</script></figure>\n",
        kind, rows, escape_html(words), in_script(data));
}

Json axis_json(const Axis& axis) {
    Json json{{"title", axis.title}, {"logarithmic", axis.logarithmic}};
    if (axis.ends) json["ends"] = *axis.ends;
    return json;
}

}  // namespace

std::string figure(const BarChart& chart) {
    if (chart.bars.empty()) return {};
    Json bars = Json::array();
    std::string words;
    for (const auto& bar : chart.bars) {
        Json one{{"arm", bar.arm}, {"value", bar.value}, {"text", bar.text}};
        if (bar.interval) one["interval"] = *bar.interval;
        bars.push_back(one);
        words += (words.empty() ? "" : "; ") + bar.arm + " " + bar.text;
    }
    return figure_of("bars", chart.bars.size(), chart.title + ": " + words,
                     {{"type", "bars"}, {"unit", chart.unit}, {"bars", bars}});
}

std::string figure(const LineChart& chart) {
    if (chart.lines.empty()) return {};
    Json lines = Json::array();
    std::string words;
    for (const auto& line : chart.lines) {
        lines.push_back({{"label", line.label}, {"arm", line.arm}, {"points", line.points}});
        words += (words.empty() ? "" : ", ") + line.label;
    }
    return figure_of("lines", chart.lines.size(), chart.title + ", lines of " + words,
                     {{"type", "lines"}, {"x", axis_json(chart.x)}, {"y", axis_json(chart.y)}, {"lines", lines}});
}

}  // namespace shunt::bench
