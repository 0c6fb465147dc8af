// SPDX-License-Identifier: Apache-2.0
// Charts of the page as plain data. page.js makes Chart.js draw them; how they look is said there and in page.css.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shunt::bench {

struct Bar {
    std::string arm;  // its name, and its colour in page.css
    double value = 0;
    std::optional<std::pair<double, double>> interval;
    std::string text;  // the value, as it stands beside the bar
};
struct BarChart {
    std::string title;  // for those who cannot see it
    std::string unit;
    std::vector<Bar> bars;
};

struct Line {
    std::string label;
    std::string arm;
    std::vector<std::pair<double, double>> points;
};
struct Axis {
    std::string title;
    bool logarithmic = false;
    std::optional<std::pair<double, double>> ends;  // else from the points
};
struct LineChart {
    std::string title;
    Axis x, y;
    std::vector<Line> lines;
};

// A figure of the page; nothing where there is nothing to draw.
std::string figure(const BarChart& chart);
std::string figure(const LineChart& chart);

}  // namespace shunt::bench
