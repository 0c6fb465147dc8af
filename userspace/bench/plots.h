// SPDX-License-Identifier: Apache-2.0
// Plots as HTML fragments: text is HTML, so that it keeps its size on a small screen, and only lines are SVG, which
// stretches. Colours and sizes come from page_style.h. Pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace shunt::bench {

std::string escape_html(const std::string& text);

struct Bar {
    std::string label;
    std::string colour;  // a CSS class of page_style.h
    double value = 0;
    double low = 0, high = 0;  // interval; both 0: none
    std::string text;          // the value, as it is printed
};
// Horizontal bars from 0 to the largest value or bound. Negative values are drawn as 0.
std::string bars(const std::vector<Bar>& list);

struct Line {
    std::string label;
    std::string colour;
    std::vector<std::pair<double, double>> points;
};
struct Axis {
    std::string title;
    bool logarithmic = false;
    double low = 0, high = 0;  // both 0: from the points
};
// Lines over two axes with a legend. Points outside of the axes are cut off.
std::string line_chart(const std::vector<Line>& lines, const Axis& x, const Axis& y);

// Positions between low and high where a person expects a mark: 1, 2, 5 times a power of ten.
std::vector<double> ticks(double low, double high, bool logarithmic);
std::string short_number(double value);  // 0.5, 20, 1.5k, 200k

}  // namespace shunt::bench
