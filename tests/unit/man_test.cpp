// SPDX-License-Identifier: Apache-2.0
// The manual pages name every command, option and configuration key there is, and none that is not.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "cli/registry.h"
#include "cli_fixture.h"
#include "config/loader.h"
#include "pages.h"

namespace shunt::test {
namespace {

std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

std::string page(const std::string& name) {
    return man::fill(slurp(SHUNT_DOCS_DIR "/man/" + name + ".scd"), slurp(SHUNT_DOCS_DIR "/config.md"));
}

// Every map of a configuration with a key that no reader knows: the messages name those that it does.
const char* const kProbe = R"(zzz: 1
proxy: { zzz: 1, identity: { zzz: 1 } }
capture: { zzz: 1 }
outboundTrafficPolicy: { zzz: 1 }
metrics: { zzz: 1 }
listeners: [{ zzz: 1, weightedClusters: [{ zzz: 1 }] }]
routes: [{ zzz: 1, virtualHosts: [{ zzz: 1, weightedClusters: [{ zzz: 1 }] }] }]
clusters: [{ zzz: 1, endpoints: [{ zzz: 1 }] }]
scopes: [{ zzz: 1, egress: { zzz: 1 } }]
source: { zzz: 1, envoy: { zzz: 1 } }
)";

// "listeners" -> {"name", "weightedClusters", "weightedClusters[].name" ...}; "" -> the sections.
std::map<std::string, std::set<std::string>> keys_of_the_loader() {
    std::map<std::string, std::set<std::string>> keys;
    const auto loaded = config::load_text(kProbe, "probe");
    EXPECT_FALSE(loaded);
    std::istringstream lines(loaded ? "" : loaded.error().message);
    for (std::string line; std::getline(lines, line);) {
        const auto unknown = line.find("zzz: unknown key; expected ");
        if (unknown == std::string::npos) continue;
        auto path = line.substr(line.find(": ") + 2);
        path = path.substr(0, path.find("zzz:"));
        for (std::size_t at = 0; (at = path.find("[0]", at)) != std::string::npos;) path.replace(at, 3, "[]");
        auto section = path.substr(0, path.find_first_of(".["));
        const auto below = path.find('.');
        const auto inner = below == std::string::npos ? "" : path.substr(below + 1);
        std::istringstream words(line.substr(line.find("expected ") + 9));
        for (std::string word; words >> word;) {
            if (word == "or") continue;
            keys[section].insert(inner + word.substr(0, word.find(',')));
        }
    }
    return keys;
}

// Definition terms of a section of the page, without scdoc's backslashes.
std::set<std::string> keys_of_the_page(const std::string& text, const std::string& section) {
    std::set<std::string> keys;
    const auto begin = text.find("\n## " + section + "\n");
    if (begin == std::string::npos) return keys;
    const auto end = std::min(text.find("\n## ", begin + 1), text.find("\n# ", begin + 1));
    std::istringstream lines(text.substr(begin, end - begin));
    for (std::string line; std::getline(lines, line);) {
        const auto close = line.find("* (");
        if (!line.starts_with('*') || !line.ends_with(')') || close == std::string::npos) continue;
        std::string terms = line.substr(1, close - 1) + "*, *";  // "*a*, *b* (..."
        std::erase(terms, '\\');
        for (std::size_t at = 0, next = 0; (next = terms.find("*, *", at)) != std::string::npos; at = next + 4)
            keys.insert(terms.substr(at, next - at));
    }
    return keys;
}

TEST(Man, EveryKeyOfTheLoaderAndNoOther) {
    auto keys = keys_of_the_loader();
    ASSERT_GE(keys.size(), 8u);
    ASSERT_TRUE(keys[""].contains("capture") && keys["proxy"].contains("identity.uids") &&
                keys["routes"].contains("virtualHosts[].weightedClusters[].weight"))
        << "the probe does not reach what it should";
    const auto text = page("shunt.yaml.5");
    for (const auto& section : keys[""]) {
        EXPECT_NE(text.find("\n## " + section + "\n"), std::string::npos) << section;
        auto wanted = keys[section];
        // { name, weight } stand in the row of the list they belong to.
        std::erase_if(wanted,
                      [](const std::string& key) { return key.find("weightedClusters[].") != std::string::npos; });
        auto documented = keys_of_the_page(text, section);
        // A map whose keys are all explained needs no row of its own.
        for (const auto& key : wanted)
            if (std::any_of(documented.begin(), documented.end(),
                            [&](const auto& other) { return other.starts_with(key + "."); }))
                documented.insert(key);
        EXPECT_EQ(documented, wanted) << section;
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("## ")) continue;
        EXPECT_TRUE(line == "## Shapes" || keys[""].contains(line.substr(3))) << line << " is no section";
    }
}

TEST(Man, EveryCommandAndOptionAndNoOther) {
    const auto text = page("shunt.8");
    std::set<std::string> known{"--"};
    const auto add_options = [&](const std::string& help) {
        std::istringstream words(help);
        for (std::string word; words >> word;)
            if (word.starts_with("--")) known.insert(word.substr(0, word.find_first_of("=,")));
    };
    add_options(shunt({"--help"}).out);
    for (const auto& command : cli::all_commands()) {
        EXPECT_NE(text.find("\n## shunt " + command.name + "\n"), std::string::npos) << command.name;
        EXPECT_NE(text.find("\nUsage: shunt " + command.name + " "), std::string::npos) << command.name;
        for (const auto& example : command.examples)
            EXPECT_NE(text.find("\n  " + example.command.substr(0, 20)), std::string::npos) << example.command;
        add_options(shunt({command.name, "--help"}).out);
    }
    std::size_t sections = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) sections += line.starts_with("## shunt ");
    EXPECT_EQ(sections, cli::all_commands().size()) << "a command that is not in the registry";
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (!word.starts_with("--")) continue;
        EXPECT_TRUE(known.contains(word.substr(0, word.find_first_of("=,")))) << word;
    }
}

TEST(Man, NothingIsLeftUnfilled) {
    for (const char* name : {"shunt.8", "shunt.yaml.5"}) EXPECT_EQ(page(name).find("\n@"), std::string::npos) << name;
}

// What man would show: scdoc takes both pages, and the words survive it.
TEST_F(CliTest, ScdocTakesThePages) {
    for (const auto& [name, word] : {std::pair("shunt.8", "uninstall"), std::pair("shunt.yaml.5", "beyondLoopback")}) {
        const auto source = file(name, page(name));
        const std::string made = dir_ + "/" + name + ".out";
        ASSERT_EQ(std::system(("scdoc <" + source + " >" + made).c_str()), 0) << name;
        EXPECT_NE(slurp(made).find(word), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace shunt::test
