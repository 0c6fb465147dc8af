// SPDX-License-Identifier: Apache-2.0
#include "telemetry/exposition.h"

#include <charconv>

namespace shunt::telemetry {
namespace {

// Help texts know no quotes; in a label's value they end it.
std::string escaped(const std::string& text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '"' && quotes)
            out += "\\\"";
        else
            out += c;
    }
    return out;
}

}  // namespace

void Exposition::family(const std::string& name, Type type, const std::string& help) {
    name_ = name;
    text_ += "# HELP " + name + " " + escaped(help, false) + "\n";
    text_ += "# TYPE " + name + (type == Type::kCounter ? " counter\n" : " gauge\n");
}

void Exposition::sample(const Labels& labels, double value) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    line(labels, std::string(digits, end.ptr));
}

void Exposition::line(const Labels& labels, const std::string& value) {
    text_ += name_;
    char before = '{';
    for (const auto& [name, content] : labels) {
        text_ += before + name + "=\"" + escaped(content, true) + "\"";
        before = ',';
    }
    text_ += (labels.empty() ? " " : "} ") + value + "\n";
}

}  // namespace shunt::telemetry
