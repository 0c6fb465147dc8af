// SPDX-License-Identifier: Apache-2.0
#include "cli/registry.h"
#include "cli_fixture.h"

namespace shunt::test {
namespace {

using testing::Test;

class ParseTest : public CliTest {};

// A command, its arguments, and the exit code they lead to where nothing is installed.
struct Case {
    std::vector<std::string> arguments;
    int code;
    std::string err;  // a part of it
};

void expect(const Case& expected) {
    const Ran ran = shunt(expected.arguments);
    std::string shown;
    for (const auto& argument : expected.arguments) shown += " " + argument;
    EXPECT_EQ(ran.code, expected.code) << shown << "\n" << ran.err;
    EXPECT_NE(ran.err.find(expected.err), std::string::npos) << shown << "\n" << ran.err;
}

TEST(CliHelp, EveryCommandHasDescriptionAndExample) {
    const Ran all = shunt({"--help"});
    EXPECT_EQ(all.code, 0);
    for (const auto& command : cli::all_commands()) {
        EXPECT_NE(all.out.find("\n  " + command.name + " "), std::string::npos) << command.name;
        const Ran help = shunt({command.name, "--help"});
        EXPECT_EQ(help.code, 0) << command.name;
        EXPECT_EQ(help.out.rfind("Usage: shunt " + command.name, 0), 0u) << help.out;
        EXPECT_GT(command.description.size(), 60u) << command.name;
        ASSERT_FALSE(command.examples.empty()) << command.name;
        EXPECT_NE(help.out.find("Examples:\n"), std::string::npos) << command.name;
        EXPECT_EQ(help.out.find("--output") != std::string::npos, command.prints_data) << command.name;
    }
}

// Every example names its command, and only options that this command has.
TEST(CliHelp, ExamplesAreRight) {
    for (const auto& command : cli::all_commands()) {
        const std::string help = shunt({command.name, "--help"}).out;
        const std::string options = help.substr(0, help.find("\nExamples:"));
        for (const auto& example : command.examples) {
            EXPECT_FALSE(example.meaning.empty()) << example.command;
            const auto own = example.command.find("shunt " + command.name);
            ASSERT_NE(own, std::string::npos) << example.command;
            std::istringstream words(example.command.substr(own));
            for (std::string word; words >> word && word != "|" && word != "--";) {
                if (!word.starts_with("-") || word == "-") continue;
                const bool is_long = word.starts_with("--");
                const std::string shown = is_long ? word.substr(0, word.find('=')) : "  " + word + ",";
                EXPECT_NE(options.find(shown), std::string::npos) << example.command;
            }
        }
    }
}

TEST(CliHelp, NoLineIsWiderThanATerminal) {
    for (const auto& command : cli::all_commands()) {
        std::istringstream lines(shunt({command.name, "--help"}).out);
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90u) << line;
    }
}

TEST(CliUsage, EveryCommandRefusesAnUnknownOption) {
    for (const auto& command : cli::all_commands()) {
        std::vector<std::string> arguments{command.name, "--pin-dri=/x"};
        if (!command.tail.empty()) arguments.insert(arguments.end(), {"--", "true"});
        expect({arguments, 2, "unknown option \"--pin-dri\" (did you mean \"--pin-dir\"?)"});
        arguments[1] = "--certainly-not-an-option";
        expect({arguments, 2, "unknown option \"--certainly-not-an-option\"\n"});
    }
}

TEST(CliUsage, NearestNames) {
    expect({{"stauts"}, 2, "unknown command \"stauts\" (did you mean \"status\"?)"});
    expect({{"frobnicate"}, 2, "unknown command \"frobnicate\"\n"});
    expect({{"explain", "--uuid", "5", "192.0.2.1:80"}, 2, "\"--uuid\" (did you mean \"--uid\"?)"});
    expect({{"run", "--confg", "x"}, 2, "\"--confg\" (did you mean \"--config\"?)"});
    expect({{"uninstall", "--drian", "3"}, 2, "\"--drian\" (did you mean \"--drain\"?)"});
    expect({{"counters", "-o", "jsn"}, 2, "\"jsn\" is not table, json or yaml (did you mean \"json\"?)"});
}

TEST(CliUsage, MissingAndSurplusArguments) {
    expect({{}, 2, "Usage: shunt"});
    expect({{"-v"}, 2, "Usage: shunt"});
    expect({{"explain"}, 2, "explain: DEST is required"});
    expect({{"explain", "192.0.2.1:80", "192.0.2.2:80"}, 2, "explain: unexpected argument \"192.0.2.2:80\""});
    expect({{"explain", "192.0.2.1:80", "--uid"}, 2, "--uid"});
    expect({{"explain", "192.0.2.1:80", "--uid", "many"}, 2, "--uid"});
    expect({{"explain", "192.0.2.1:80", "--uid", "4294967296"}, 2, "--uid"});
    expect({{"explain", "--kernel", "-c", "x", "192.0.2.1:80"}, 2, "--kernel"});
    expect({{"run", "--config"}, 2, "--config"});
    expect({{"check", "file.yaml"}, 2, "check: unexpected argument \"file.yaml\""});
    expect({{"exec"}, 2, "exec: COMMAND [ARGUMENT]... is missing after --"});
    expect({{"exec", "--"}, 2, "exec: COMMAND [ARGUMENT]... is missing after --"});
    expect({{"exec", "curl"}, 2, "exec: unexpected argument \"curl\""});
    expect({{"status", "--", "x"}, 2, "status: takes nothing after --"});
    expect({{"uninstall", "--drain", "soon"}, 2, "--drain"});
    expect({{"uninstall", "--drain", "-1"}, 2, "--drain"});
    expect({{"status", "counters"}, 2, "status: unexpected argument \"counters\""});
    expect({{"run", "-o", "json"}, 2, "run prints no data"});
}

TEST(CliUsage, OptionsThatExcludeOrNeedEachOther) {
    expect({{"counters", "--watch", "--all"}, 2, "--all"});
    expect({{"counters", "--interval", "3"}, 2, "--watch"});
    expect({{"counters", "--watch", "--interval", "0"}, 2, "--interval"});
    expect({{"counters", "--wach"}, 2, "\"--wach\" (did you mean \"--watch\"?)"});
    expect({{"run", "--metric", "127.0.0.1:9464"}, 2, "\"--metric\" (did you mean \"--metrics\"?)"});
}

TEST(CliUsage, WrongOrder) {
    expect({{"192.0.2.1:80", "explain"}, 2, "192.0.2.1:80"});
    expect({{"--uid", "5", "explain", "192.0.2.1:80"}, 2, "--uid"});
    expect({{"--drain", "5", "uninstall"}, 2, "--drain"});
    expect({{"-c", "x.yaml", "check"}, 2, "-c"});
    expect({{"--", "exec", "true"}, 2, "Usage: shunt"});
    expect({{"bash", "completion"}, 2, "bash"});
}

// Every command, with each letter of its name left out: the whole name is what was meant. One letter of two says
// nothing.
TEST(CliUsage, EveryCommandMisspelt) {
    for (const auto& command : cli::all_commands()) {
        if (command.name.size() < 3) continue;
        for (std::size_t at = 1; at < command.name.size(); ++at) {
            std::string written = command.name;
            written.erase(at, 1);
            if (written == command.name) continue;
            const Ran ran = shunt({written});
            EXPECT_EQ(ran.code, 2) << written;
            EXPECT_NE(ran.err.find("unknown command \"" + written + "\" (did you mean \""), std::string::npos)
                << ran.err;
        }
    }
}

// Every option of every command, with its last letter doubled.
TEST(CliUsage, EveryOptionMisspelt) {
    for (const auto& command : cli::all_commands()) {
        std::istringstream words(shunt({command.name, "--help"}).out);
        for (std::string word; words >> word && word != "Examples:";) {
            if (!word.starts_with("--") || word.size() < 5) continue;
            word = word.substr(0, word.find_first_of(",=;.'"));
            const std::string written = word + word.back();
            std::vector<std::string> arguments{command.name, written};
            if (!command.tail.empty()) arguments.insert(arguments.end(), {"--", "true"});
            expect({arguments, 2, "unknown option \"" + written + "\" (did you mean \"--"});
        }
    }
}

TEST_F(ParseTest, GlobalOptionsStandBeforeOrAfter) {
    const std::string pins = dir_ + "/pins";
    const std::string run = dir_ + "/run";
    expect({{"--pin-dir", pins, "--run-dir", run, "reload"}, 6, run + "/control.sock"});
    expect({{"reload", "--pin-dir", pins, "--run-dir", run}, 6, run + "/control.sock"});
    expect({{"-o", "json", "-v", "reload", "-vv", "--run-dir=" + run}, 6, run + "/control.sock"});
    EXPECT_EQ(shunt({"-o", "json", "version"}).out, shunt({"version", "-o", "json"}).out);
    EXPECT_EQ(shunt({"--output=yaml", "version"}).out, shunt({"version", "-oyaml"}).out);
}

TEST_F(ParseTest, ValidCommandsReachTheirWork) {
    const std::string pins = dir_ + "/pins";
    const std::string good = file("good.yaml", kGoodConfig);
    const std::string bad = file("bad.yaml", kBadConfig);
    expect({{"version"}, 0, ""});
    expect({{"check", "-c", good}, 0, "valid"});
    expect({{"check", "--config=" + bad}, 3, bad + ":2:3: proxy.lisen"});
    expect({{"run", "-c", bad, "--pin-dir", pins, "--run-dir", dir_ + "/run"}, 3, "proxy.lisen"});
    expect({{"run", "-c", dir_ + "/none.yaml"}, 1, dir_ + "/none.yaml"});
    expect({{"counters", "--all", "--pin-dir", pins}, 1, "nothing is installed"});
    expect({{"exec", "-c", good, "--", "true"}, 1, "shunt-t-no-such-cgroup"});
    expect({{"exec", "-c", good, "--as", "proxy", "--", "true"}, 1, "proxy.identity.cgroup is not set"});
    expect({{"exec", "-c", good, "--as", "nobody", "--", "true"}, 2, "is not application or proxy"});
    const Ran status = shunt({"status", "-o", "json", "--pin-dir", pins});
    EXPECT_EQ(status.code, 1);
    EXPECT_EQ(status.json()["state"], "not-installed");
}

TEST_F(ParseTest, CheckAsData) {
    const std::string bad = file("bad.yaml", kBadConfig);
    const Ran ran = shunt({"check", "-c", bad, "-o", "json"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_EQ(ran.json()["valid"], false);
    const auto errors = ran.json()["errors"];
    ASSERT_GE(errors.size(), 1u);
    EXPECT_EQ(errors[0]["line"], 2);
    EXPECT_EQ(errors[0]["column"], 3);
    EXPECT_EQ(errors[0]["path"], "proxy.lisen");
}

TEST(CliVersion, Data) {
    const auto json = shunt({"version", "-o", "json"}).json();
    EXPECT_FALSE(json["version"].get<std::string>().empty());
    EXPECT_FALSE(json["libbpf"].get<std::string>().empty());
    EXPECT_FALSE(json["compiler"].get<std::string>().empty());
}

}  // namespace
}  // namespace shunt::test
