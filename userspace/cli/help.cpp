// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace shunt::cli {
namespace {

constexpr std::size_t kWidth = 79;

// Breaks at blanks so that no line is longer than kWidth where words allow; every line starts with `indent` blanks.
std::string wrap(const std::string& text, std::size_t indent) {
    const std::string margin(indent, ' ');
    std::string out;
    std::string line;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
        const std::string word = text.substr(at, end - at);
        if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) {
            out += margin + line + "\n";
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
        if (end < text.size() && text[end] == '\n') {
            out += (line.empty() ? "" : margin + line) + "\n";
            line.clear();
        }
        at = end + 1;
    }
    if (!line.empty()) out += margin + line + "\n";
    return out;
}

struct Entry {
    std::string left;
    std::string right;
};

std::string entries(const std::vector<Entry>& list) {
    std::size_t width = 0;
    for (const Entry& entry : list) width = std::max(width, std::min<std::size_t>(entry.left.size(), 26));
    std::string out;
    for (const Entry& entry : list) {
        std::string text = wrap(entry.right, width + 4);
        if (entry.left.size() <= width)
            text.replace(0, 2 + entry.left.size(), "  " + entry.left);
        else
            text = "  " + entry.left + "\n" + text;
        out += text;
    }
    return out;
}

Entry option_entry(const CLI::Option& option) {
    if (option.get_positional()) return {option.get_name(true), option.get_description()};
    std::string left;
    for (const std::string& name : option.get_snames()) left += (left.empty() ? "-" : ", -") + name;
    for (const std::string& name : option.get_lnames()) left += (left.empty() ? "    --" : ", --") + name;
    if (option.get_type_size() != 0) left += " " + option.get_type_name();
    return {left, option.get_description()};
}

std::vector<Entry> options(const CLI::App& app, bool positional) {
    std::vector<Entry> list;
    for (const CLI::Option* option : app.get_options())
        if (option->get_positional() == positional && !option->get_group().empty())
            list.push_back(option_entry(*option));
    return list;
}

std::string section(const std::string& title, const std::string& body) {
    return body.empty() ? "" : "\n" + title + ":\n" + body;
}

std::string examples(const std::vector<Example>& list) {
    std::string out;
    for (const Example& example : list) out += wrap("# " + example.meaning, 2) + "  " + example.command + "\n";
    return out;
}

const char* const kExitCodes =
    "  0 done   1 failed   2 usage   3 configuration invalid   4 kernel lacks a feature\n"
    "  5 no permission   6 controller not reachable\n";

}  // namespace

std::string choice_of(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    return text;
}

std::string program_help(const CLI::App& program, const std::vector<Command>& commands) {
    std::vector<Entry> list;
    list.reserve(commands.size());
    for (const Command& command : commands) list.push_back({command.name, command.summary});
    return "Usage: shunt [OPTION]... COMMAND [ARGUMENT]...\n\n" +
           wrap(
               "Sends the outgoing connections of a cgroup to the proxy that runs beside it, by eBPF and without "
               "iptables. "
               "The proxy asks SO_ORIGINAL_DST as ever and learns where the application wanted to go.",
               0) +
           section("Commands", entries(list)) +
           section("Options, before or after the command", entries(options(program, false))) +
           section("Exit codes", kExitCodes) +
           section("Examples",
                   examples({{"shunt check -c /etc/shunt/shunt.yaml", "is this configuration right?"},
                             {"shunt run -c /etc/shunt/shunt.yaml", "redirect as it says, until it is uninstalled"},
                             {"shunt explain 10.0.3.29:9080", "what happens to a connection, and why"}})) +
           "\n'shunt COMMAND --help' tells more about a command.\n";
}

std::string command_help(const CLI::App& program, const CLI::App& app, const Command& command) {
    std::string usage = "Usage: shunt " + command.name + " [OPTION]...";
    for (const CLI::Option* option : app.get_options())
        if (option->get_positional())
            usage += option->get_required() ? " " + option->get_name(true) : " [" + option->get_name(true) + "]";
    if (command.tail.starts_with('['))
        usage += " [-- " + command.tail.substr(1);
    else if (!command.tail.empty())
        usage += " -- " + command.tail;
    std::vector<Entry> global = options(program, false);
    if (!command.prints_data) std::erase_if(global, [](const Entry& entry) { return entry.left.starts_with("-o"); });
    std::erase_if(global, [](const Entry& entry) { return entry.left.starts_with("-h"); });
    for (Entry& entry : global)
        if (entry.left.starts_with("-o")) entry.right = "How data is printed: " + choice_of(command.formats);
    return usage + "\n\n" + wrap(command.description, 0) + section("Arguments", entries(options(app, true))) +
           section("Options", entries(options(app, false))) + section("Options of every command", entries(global)) +
           section("Examples", examples(command.examples));
}

}  // namespace shunt::cli
