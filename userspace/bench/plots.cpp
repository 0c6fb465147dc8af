// SPDX-License-Identifier: Apache-2.0
#include "bench/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace shunt::bench {
namespace {

constexpr double kSide = 1000;  // of the stretched drawing

// Where a value lies between the ends of an axis, 0-1.
class Scale {
public:
    explicit Scale(const Axis& axis) : axis_(axis) {}
    void cover(double value) {
        if (fixed() || (axis_.logarithmic && value <= 0)) return;
        low_ = empty_ ? value : std::min(low_, value);
        high_ = empty_ ? value : std::max(high_, value);
        empty_ = false;
    }
    void finish() {
        if (fixed()) {
            low_ = axis_.low;
            high_ = axis_.high;
        } else if (!axis_.logarithmic) {
            low_ = std::min(low_, 0.0);
            high_ *= 1.05;
        }
        if (high_ <= low_) high_ = low_ + 1;
        if (axis_.logarithmic && low_ <= 0) low_ = high_ / 10;
    }
    double at(double value) const {
        if (!axis_.logarithmic) return (value - low_) / (high_ - low_);
        return std::log(std::max(value, low_ / 10) / low_) / std::log(high_ / low_);
    }
    std::vector<double> marks() const { return ticks(low_, high_, axis_.logarithmic); }

private:
    bool fixed() const { return axis_.low != 0 || axis_.high != 0; }
    Axis axis_;
    double low_ = 0, high_ = 0;
    bool empty_ = true;
};

std::string percent(double part) { return fmt::format("{:.2f}%", 100 * std::clamp(part, 0.0, 1.0)); }

std::string path(const Line& line, const Scale& x, const Scale& y) {
    std::string text;
    for (const auto& [px, py] : line.points)
        text += fmt::format("{}{:.1f} {:.1f}", text.empty() ? "M" : "L", kSide * std::clamp(x.at(px), -0.1, 1.1),
                            kSide * (1 - std::clamp(y.at(py), -0.1, 1.1)));
    return fmt::format("<path class=\"line {}\" d=\"{}\"/>", line.colour, text);
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

std::string short_number(double value) {
    if (std::abs(value) >= 1e6) return fmt::format("{:g}M", value / 1e6);
    if (std::abs(value) >= 1e3) return fmt::format("{:g}k", value / 1e3);
    return fmt::format("{:g}", value);
}

std::vector<double> ticks(double low, double high, bool logarithmic) {
    std::vector<double> marks;
    if (!(high > low) || (logarithmic && low <= 0)) return marks;
    const double slack = 1e-9 * std::abs(high);
    if (logarithmic) {
        const bool wide = high / low > 1000;
        const int first = static_cast<int>(std::floor(std::log10(low)));
        const int last = static_cast<int>(std::floor(std::log10(high + slack)));
        for (int exponent = first; exponent <= last; ++exponent) {
            const double decade = std::pow(10, exponent);
            for (const double step : {1.0, 2.0, 5.0})
                if ((step == 1 || !wide) && decade * step >= low - slack && decade * step <= high + slack)
                    marks.push_back(decade * step);
        }
        return marks;
    }
    const double rough = (high - low) / 5, decade = std::pow(10, std::floor(std::log10(rough)));
    const double step = decade * (rough / decade > 5 ? 10 : rough / decade > 2 ? 5 : rough / decade > 1 ? 2 : 1);
    const auto first = static_cast<long>(std::ceil(low / step - 1e-9));
    for (long i = first; static_cast<double>(i) * step <= high + slack; ++i)
        marks.push_back(static_cast<double>(i) * step);
    return marks;
}

std::string bars(const std::vector<Bar>& list) {
    double most = 0;
    for (const auto& bar : list) most = std::max({most, bar.value, bar.high});
    if (most <= 0) most = 1;
    std::string text = "<div class=\"bars\">\n";
    for (const auto& bar : list) {
        text += fmt::format(
            "<span class=\"name\">{}</span><span class=\"rail\"><span class=\"bar {}\" style=\"width:{}\">"
            "</span>",
            escape_html(bar.label), bar.colour, percent(bar.value / most));
        if (bar.low != 0 || bar.high != 0)
            text += fmt::format("<span class=\"whisker\" style=\"left:{};width:{}\"></span>", percent(bar.low / most),
                                percent((bar.high - std::max(bar.low, 0.0)) / most));
        text += fmt::format("</span><span class=\"value\">{}</span>\n", escape_html(bar.text));
    }
    return text + "</div>\n";
}

std::string line_chart(const std::vector<Line>& lines, const Axis& x_axis, const Axis& y_axis) {
    Scale x(x_axis), y(y_axis);
    for (const auto& line : lines)
        for (const auto& [px, py] : line.points) {
            x.cover(px);
            y.cover(py);
        }
    x.finish();
    y.finish();
    std::string text = fmt::format(
        "<figure class=\"chart\"><div class=\"ytitle\">{}</div><div class=\"plot\">\n"
        "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
        escape_html(y_axis.title));
    for (const double mark : x.marks())
        text += fmt::format("<path class=\"grid\" d=\"M{0:.1f} 0V1000\"/>", kSide * x.at(mark));
    for (const double mark : y.marks())
        text += fmt::format("<path class=\"grid\" d=\"M0 {0:.1f}H1000\"/>", kSide * (1 - y.at(mark)));
    for (const auto& line : lines) text += path(line, x, y);
    text += "</svg>\n";
    for (const double mark : x.marks())
        text +=
            fmt::format("<span class=\"xtick\" style=\"left:{}\">{}</span>", percent(x.at(mark)), short_number(mark));
    for (const double mark : y.marks())
        text +=
            fmt::format("<span class=\"ytick\" style=\"bottom:{}\">{}</span>", percent(y.at(mark)), short_number(mark));
    text += fmt::format("</div><div class=\"xtitle\">{}</div><figcaption>", escape_html(x_axis.title));
    for (const auto& line : lines)
        text += fmt::format("<span class=\"key {}\">{}</span> ", line.colour, escape_html(line.label));
    return text + "</figcaption></figure>\n";
}

}  // namespace shunt::bench
