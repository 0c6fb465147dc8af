// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/yaml.h>

#include "cli/output.h"

namespace shunt::cli {
namespace {

// A plain text that a YAML reader would take for a number, a truth value or nothing must be quoted to stay a text.
bool reads_as_something_else(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return true;
    const YAML::Node node(text);
    bool truth = false;
    double number = 0;
    return YAML::convert<bool>::decode(node, truth) || YAML::convert<double>::decode(node, number);
}

void put_text(YAML::Emitter& out, const std::string& text) {
    if (reads_as_something_else(text)) out << YAML::DoubleQuoted;
    out << text;
}

void put(YAML::Emitter& out, const Json& value) {
    if (value.is_object()) {
        if (value.empty()) out << YAML::Flow;
        out << YAML::BeginMap;
        for (const auto& [key, item] : value.items()) {
            out << YAML::Key;
            put_text(out, key);
            out << YAML::Value;
            put(out, item);
        }
        out << YAML::EndMap;
    } else if (value.is_array()) {
        if (value.empty()) out << YAML::Flow;
        out << YAML::BeginSeq;
        for (const auto& item : value) put(out, item);
        out << YAML::EndSeq;
    } else if (value.is_string()) {
        put_text(out, value.get<std::string>());
    } else if (value.is_null()) {
        out << YAML::Null;
    } else {
        out << value.dump();  // numbers, true and false are spelled alike in JSON and YAML
    }
}

}  // namespace

std::string render_yaml(const Json& value) {
    YAML::Emitter out;
    put(out, value);
    return std::string(out.c_str()) + "\n";
}

}  // namespace shunt::cli
