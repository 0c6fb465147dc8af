// SPDX-License-Identifier: Apache-2.0
// The recipes of docs/operations.md, taken out of the document and run: each command works, and prints what stands
// there.
#include <fstream>
#include <sstream>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

struct Recipe {
    std::string command;
    std::vector<std::string> expected;  // "...": any number of lines
};

// Blocks below the heading: "# COMMAND", then what it prints.
std::vector<Recipe> recipes() {
    std::ifstream file(SHUNT_DOCS_DIR "/operations.md");
    std::vector<Recipe> found;
    bool section = false, block = false;
    for (std::string line; std::getline(file, line);) {
        if (!block && line.starts_with("## ")) section = line == "## bpftool recipes";
        if (!section) continue;
        if (line.starts_with("```"))
            block = !block;
        else if (block && line.starts_with("# "))
            found.push_back({line.substr(2), {}});
        else if (block && !found.empty())
            found.back().expected.push_back(line);
    }
    return found;
}

// Numbers and ids differ from machine to machine: each becomes 0, and blanks one.
std::string normal(const std::string& line) {
    std::string out;
    for (std::size_t at = 0; at < line.size();) {
        const auto digits = line.find_first_not_of("0123456789abcdef", at);
        const auto end = std::min(digits, line.size());
        const bool number =
            end > at &&
            (line.substr(at, end - at).find_first_not_of("0123456789") == std::string::npos || end - at >= 8);
        if (number && (at == 0 || !isalpha(static_cast<unsigned char>(line[at - 1])))) {
            out += '0';
            at = end;
        } else if (line[at] == ' ' || line[at] == '\t') {
            if (!out.empty() && out.back() != ' ') out += ' ';
            ++at;
        } else {
            out += line[at++];
        }
    }
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

// Empty where it matches; else the line that was not found.
std::string first_missing(const std::string& printed, const std::vector<std::string>& expected) {
    std::vector<std::string> lines;
    std::istringstream stream(printed);
    for (std::string line; std::getline(stream, line);) lines.push_back(normal(line));
    std::size_t at = 0;
    bool any = false;
    for (const auto& line : expected) {
        if (line == "...") {
            any = true;
            continue;
        }
        while (any && at < lines.size() && lines[at] != normal(line)) ++at;
        if (at >= lines.size() || lines[at] != normal(line)) return line;
        ++at;
        any = false;
    }
    return any || at == lines.size() ? "" : "(nothing more, but it goes on: " + lines[at] + ")";
}

TEST(Recipes, MatchingCanFail) {
    EXPECT_EQ(first_missing("a 17\nb\nc\n", {"a 4", "...", "c"}), "");
    EXPECT_EQ(first_missing("a 17\nb\nc\n", {"a 4", "c"}), "c");
    EXPECT_EQ(first_missing("a 17\nb\n", {"a 4", "...", "c"}), "c");
    EXPECT_NE(first_missing("a\nb\n", {"a"}), "");
    EXPECT_NE(first_missing("shunt_connect4\n", {"shunt_connect6"}), "") << "a digit of a name is no number";
}

const std::string kListener =
    "listeners: [{ name: web, port: 9080, cluster: c }]\n"
    "clusters: [{ name: c, endpoints: [{ address: 10.0.3.1:80 }] }]\n";

class LifecycleRecipes : public Lifecycle {};

TEST_F(LifecycleRecipes, DoWhatTheDocumentSays) {
    const ProbeProxy proxy(sandbox_, {.verify = true, .hold = true});
    const RunningShunt running(sandbox_, lifecycle_config("auto", "  excludeOutboundPorts: [22]\n") + kListener);
    Dialer dialer(sandbox_.app());
    ASSERT_EQ(dialer.run({.destinations = {"10.9.9.9:9080"}, .hold = true}).ok, 1u);
    const auto found = recipes();
    ASSERT_GE(found.size(), 10u);
    std::string directory;
    for (auto recipe : found) {
        for (const auto& [from, to] : {std::pair<std::string, std::string>{"/sys/fs/bpf/shunt", sandbox_.pin_dir()},
                                       {"NETNS", sandbox_.client_netns()},
                                       {"CGROUP", sandbox_.root_cgroup()}})
            for (std::size_t at = 0; (at = recipe.command.find(from, at)) != std::string::npos; at += to.size())
                recipe.command.replace(at, from.size(), to);
        if (recipe.command.starts_with("D=")) {
            directory = recipe.command;
            continue;
        }
        const auto ran = run_process({"bash", "-euo", "pipefail", "-c", directory + "\n" + recipe.command});
        EXPECT_EQ(ran.code, 0) << recipe.command << "\n" << to_text(ran);
        ASSERT_FALSE(recipe.expected.empty()) << recipe.command << " has no output in the document:\n" << ran.out;
        EXPECT_EQ(first_missing(ran.out, recipe.expected), "") << recipe.command << "\n" << ran.out;
    }
    EXPECT_FALSE(directory.empty());
}

}  // namespace
}  // namespace shunt::harness
