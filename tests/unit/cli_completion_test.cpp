// SPDX-License-Identifier: Apache-2.0
// The scripts know every command and option, because they are made from what parses them; bash is asked itself.
#include <algorithm>
#include <cstdio>
#include <set>

#include "cli/completion.h"
#include "cli/registry.h"
#include "cli_fixture.h"

namespace shunt::test {
namespace {

class Completion : public CliTest {
protected:
    static std::set<std::string> lines_of(const std::string& command) {
        std::set<std::string> lines;
        FILE* pipe = popen(command.c_str(), "r");
        char buffer[512];
        while (pipe && std::fgets(buffer, sizeof buffer, pipe)) {
            std::string line = buffer;
            line.erase(line.find_last_not_of('\n') + 1);
            lines.insert(line);
        }
        if (pipe) pclose(pipe);
        return lines;
    }

    // What bash offers after these words; the last one is what is being typed.
    std::set<std::string> offered(const std::vector<std::string>& words) {
        const auto script = file("shunt.bash", shunt({"completion", "bash"}).out);
        std::string line = "(shunt";
        for (const auto& word : words) line += " '" + word + "'";
        const auto asked = file("ask.bash", "set -u\nsource " + script + "\nCOMP_WORDS=" + line +
                                                ")\nCOMP_CWORD=" + std::to_string(words.size()) +
                                                "\n_shunt\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
        return lines_of("bash " + asked);
    }

    // Options as --help shows them.
    static std::set<std::string> options_in_help(const std::string& command) {
        std::set<std::string> options;
        std::istringstream lines(shunt({command, "--help"}).out);
        for (std::string line; std::getline(lines, line);) {
            if (line.rfind("  -", 0) != 0 && line.rfind("      --", 0) != 0) continue;
            std::istringstream words(line);
            for (std::string word; words >> word && word[0] == '-';) options.insert(word.substr(0, word.find(',')));
        }
        return options;
    }
};

TEST_F(Completion, EveryCommandIsOfferedWithItsOptions) {
    const auto at_first = offered({""});
    for (const auto& command : cli::all_commands()) {
        EXPECT_EQ(at_first.count(command.name), 1u) << command.name;
        const auto options = options_in_help(command.name);
        EXPECT_GE(options.size(), 5u) << command.name;
        auto found = offered({command.name, "-"});
        found.erase("--");
        EXPECT_EQ(found, options) << command.name;
    }
}

TEST_F(Completion, Values) {
    EXPECT_EQ(offered({"status", "-o", ""}), (std::set<std::string>{"json", "table", "yaml"}));
    EXPECT_EQ(offered({"--output", "j"}), (std::set<std::string>{"json"}));
    EXPECT_EQ(offered({"completion", ""}).count("fish"), 1u);
    const auto config = file("x.yaml", "");
    EXPECT_EQ(offered({"check", "-c", dir_ + "/x."}), (std::set<std::string>{config}));
    EXPECT_EQ(offered({"exec", "--", "tru"}).count("true"), 1u);
    EXPECT_EQ(offered({"--pin-dir", "/nowhere", "sta"}), (std::set<std::string>{"status"}));
}

TEST_F(Completion, ZshAndFishKnowTheSame) {
    const auto zsh = shunt({"completion", "zsh"}).out, fish = shunt({"completion", "fish"}).out;
    for (const auto& command : cli::all_commands()) {
        const auto from = zsh.find("\n        " + command.name + ")\n");
        ASSERT_NE(from, std::string::npos) << command.name;
        const auto part = zsh.substr(from, zsh.find(" ;;\n", from) - from);
        EXPECT_NE(fish.find("-n __fish_use_subcommand -a " + command.name + " -d "), std::string::npos);
        for (const auto& option : options_in_help(command.name)) {
            EXPECT_NE(part.find("'" + option + "['"), std::string::npos) << command.name << " " << option;
            const auto flag = option.rfind("--", 0) == 0 ? " -l " + option.substr(2) : " -s " + option.substr(1);
            std::istringstream lines(fish);
            bool known = false;
            for (std::string line; std::getline(lines, line);)
                known =
                    known || (line.find("'__fish_seen_subcommand_from " + command.name + "'") != std::string::npos &&
                              line.find(flag + " ") != std::string::npos);
            EXPECT_TRUE(known) << command.name << " " << option;
        }
    }
}

TEST_F(Completion, UnknownShell) {
    const auto ran = shunt({"completion", "csh"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find("\"csh\" is not bash, zsh or fish"), std::string::npos) << ran.err;
    EXPECT_EQ(shunt({"completion"}).code, 2);
}

}  // namespace
}  // namespace shunt::test
