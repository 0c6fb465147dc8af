// SPDX-License-Identifier: Apache-2.0
#include "pages.h"

#include <istream>
#include <sstream>
#include <vector>

#include "cli/app.h"
#include "cli/registry.h"

namespace shunt::man {
namespace {

std::string help(const std::vector<std::string>& arguments) {
    cli::CaptureOutput out;
    std::istringstream in;
    std::ostringstream err;
    cli::run(arguments, {out, in, err});
    return out.printed;
}

std::string literal(const std::string& text) {
    std::string out = "```\n";
    for (const char c : text) out += c == '\\' ? std::string("\\\\") : std::string(1, c);
    return out + "```\n";
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += (std::string("\\_*").find(c) != std::string::npos ? "\\" : "") + std::string(1, c);
    return out;
}

// Markdown's inline marks: `code` becomes bold, a link its text, asterisks go.
std::string prose(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '`') {
            const auto end = text.find('`', at + 1);
            out += "*" + escaped(text.substr(at + 1, end - at - 1)) + "*";
            at = end + 1;
        } else if (const auto close = text.find("](", at); text[at] == '[' && close != std::string::npos) {
            out += prose(text.substr(at + 1, close - at - 1));
            at = text.find(')', close) + 1;
        } else if (text[at] == '*') {
            ++at;
        } else {
            out += escaped(text.substr(at++, 1));
        }
    }
    return out;
}

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// "| a | `b|c` | d |": a bar inside backquotes separates nothing.
std::vector<std::string> cells(const std::string& row) {
    std::vector<std::string> out;
    std::string cell;
    bool code = false;
    for (const char c : row.substr(row.find('|') + 1)) {
        if (c == '`') code = !code;
        if (c == '|' && cell.ends_with('\\')) cell.pop_back();
        if (c == '|' && !code) {
            out.push_back(trimmed(cell));
            cell.clear();
        } else {
            cell += c;
        }
    }
    return out;
}

// A key with its type, its default and what it means; of another table, the first cell and the rest.
std::string entry(const std::vector<std::string>& row, bool keys) {
    std::string out = prose(row[0]);
    if (!keys) {
        for (std::size_t i = 1; i < row.size(); ++i) out += (i == 1 ? ": " : "; not ") + prose(row[i]);
        return "- " + out + "\n";
    }
    std::string facts = prose(row[1]);
    if (!row[2].empty()) facts += (row[2].starts_with("**") ? "; " : "; default: ") + prose(row[2]);
    return out + " (" + facts + ")\n" + (row[3].empty() ? "" : "\t" + prose(row[3]) + "\n") + "\n";
}

std::string cut(const std::string& text, const std::string& from, const std::string& to) {
    const auto begin = text.find(from);
    return begin == std::string::npos ? "" : text.substr(begin, text.find(to, begin) - begin);
}

}  // namespace

std::string options() {
    const auto text = help({"--help"});
    const auto part = cut(text, "Options, before or after the command:\n", "\nExit codes:");
    return literal(part.substr(part.find('\n') + 1));
}

std::string commands() {
    std::string out;
    for (const auto& command : cli::all_commands()) {
        out += "## shunt " + command.name + "\n\n" + prose(command.summary) + ".\n\n" + prose(command.description) +
               "\n\n";
        auto text = help({command.name, "--help"});
        std::string usage = text.substr(0, text.find("\n\n") + 1);
        const auto common = cut(text, "\nOptions of every command:", "\nExamples:");
        text.erase(text.find(common), common.size());
        for (const char* section : {"\nArguments:", "\nOptions:", "\nExamples:"})
            if (text.find(section) != std::string::npos) {
                usage += text.substr(text.find(section));
                break;
            }
        out += literal(usage) + "\n";
    }
    return out;
}

std::string keys(const std::string& config_md) {
    std::istringstream lines(config_md);
    std::string out;
    bool wanted = false, code = false, key_table = false, table = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("```")) {
            code = !code;
            if (wanted) out += "```\n";
            continue;
        }
        if (code) {
            if (wanted) out += line + "\n";
            continue;
        }
        if (line.starts_with("## ")) {
            if (line == "## Which rule wins") break;
            wanted = wanted || line == "## Shapes";
            if (wanted) out += line + "\n";
            continue;
        }
        if (!wanted) continue;
        const auto text = trimmed(line);
        if (!text.starts_with('|')) {
            if (table) out += "\n";
            table = false;
            out += text.starts_with("- ")                    ? "- " + prose(text.substr(2)) + "\n"
                   : line.starts_with("  ") && !text.empty() ? "  " + prose(text) + "\n"
                                                             : prose(text) + "\n";
        } else if (!table) {
            table = true;
            key_table = cells(text)[0] == "key";
            std::getline(lines, line);  // |---|
        } else {
            out += entry(cells(text), key_table);
        }
    }
    return out;
}

std::string fill(std::string frame, const std::string& config_md) {
    const std::pair<std::string, std::string> parts[] = {
        {"\n@OPTIONS@\n", options()}, {"\n@COMMANDS@\n", commands()}, {"\n@KEYS@\n", keys(config_md)}};
    for (const auto& [mark, text] : parts)
        if (const auto at = frame.find(mark); at != std::string::npos) frame.replace(at, mark.size(), "\n" + text);
    return frame;
}

}  // namespace shunt::man
