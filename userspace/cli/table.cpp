// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "cli/output.h"

namespace shunt::cli {
namespace {

// pinDirectory -> "pin directory"; names of the ABI (fail_bind) stay as they are.
std::string words(const std::string& key) {
    std::string text;
    for (const char c : key) {
        if (std::isupper(static_cast<unsigned char>(c)) && !text.empty()) text += ' ';
        text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return text;
}

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

std::string cell(const Json& value) {
    if (value.is_null()) return "-";
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : value.get<std::string>();
    if (!value.is_structured()) return value.dump();
    if (value.empty()) return "-";
    std::string text;
    for (const auto& [key, item] : value.items()) {
        if (!text.empty()) text += ", ";
        text += value.is_object() ? key + "=" + cell(item) : cell(item);
    }
    return text;
}

std::string pad(const std::string& text, std::size_t width, bool right) {
    const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
    return right ? blanks + text : text + blanks;
}

bool is_table(const Json& value) {
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [](const Json& row) { return row.is_object(); });
}

void put_rows(const Json& rows, const std::string& indent, std::string& out) {
    struct Column {
        std::string key;
        std::size_t width;
        bool right;  // numbers only
    };
    std::vector<Column> columns;
    for (const Json& row : rows) {
        for (const auto& [key, item] : row.items()) {
            auto column =
                std::find_if(columns.begin(), columns.end(), [&name = key](const Column& c) { return c.key == name; });
            if (column == columns.end())
                column = columns.insert(columns.end(), {key, key.empty() ? 0 : words(key).size(), true});
            column->width = std::max(column->width, cell(item).size());
            column->right = column->right && (item.is_number() || item.is_null());
        }
    }
    const auto put_line = [&](const auto& text_of) {
        std::string line = indent;
        for (std::size_t i = 0; i < columns.size(); ++i)
            line += (i == 0 ? "" : "  ") + pad(text_of(columns[i]), columns[i].width, columns[i].right);
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    put_line([](const Column& column) { return upper(words(column.key)); });
    for (const Json& row : rows)
        put_line(
            [&](const Column& column) { return row.contains(column.key) ? cell(row[column.key]) : std::string(); });
}

void put_object(const Json& object, const std::string& indent, std::string& out) {
    std::size_t width = 0;
    for (const auto& [key, item] : object.items())
        if (!is_table(item) && !item.is_object()) width = std::max(width, words(key).size() + 1);
    for (const auto& [key, item] : object.items()) {
        if (is_table(item)) {
            if (!out.empty()) out += "\n";
            put_rows(item, indent, out);
        } else if (item.is_object() && !item.empty()) {
            out += indent + words(key) + ":\n";
            put_object(item, indent + "  ", out);
        } else {
            out += indent + pad(words(key) + ":", width, false) + "  " + cell(item) + "\n";
        }
    }
}

}  // namespace

std::string render_table(const Json& value) {
    std::string out;
    if (is_table(value))
        put_rows(value, "", out);
    else if (value.is_object())
        put_object(value, "", out);
    else
        out = cell(value) + "\n";
    return out;
}

}  // namespace shunt::cli
