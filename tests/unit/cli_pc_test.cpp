// SPDX-License-Identifier: Apache-2.0
#include "cli_fixture.h"

namespace shunt::test {
namespace {

class PcTest : public CliTest {
protected:
    Ran pc(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "pc");
        arguments.insert(arguments.end(), {"-c", config_, "--run-dir", dir_});
        return shunt(arguments);
    }

    const std::string config_ = file("good.yaml", kGoodConfig);
};

TEST_F(PcTest, IstioctlsColumns) {
    const auto heading = [&](const char* what) {
        const auto out = pc({what, "-o", "short"}).out;
        return out.substr(0, out.find('\n'));
    };
    EXPECT_EQ(heading("listeners"), "ADDRESS    PORT   MATCH  DESTINATION");
    EXPECT_EQ(heading("routes"), "NAME  DOMAINS             MATCH  VIRTUAL SERVICE");
    EXPECT_EQ(heading("clusters"), "SERVICE FQDN  PORT  SUBSET  DIRECTION  TYPE          DESTINATION RULE");
    const auto endpoints = file("endpoints.yaml",
                                "proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }\n"
                                "capture: { cgroups: [/mesh] }\n"
                                "clusters: [{ name: v1, endpoints: [{ address: 10.0.3.40:3306 }] }]\n");
    EXPECT_EQ(shunt({"pc", "endpoints", "-c", endpoints, "-o", "short"}).out,
              "ENDPOINT        STATUS   OUTLIER CHECK  CLUSTER\n10.0.3.40:3306  HEALTHY  OK             v1\n");
    EXPECT_EQ(pc({"routes"}).out.find("NAME  DOMAINS             MATCH  VIRTUAL SERVICE  CLUSTERS"), 0u);
}

TEST_F(PcTest, RoutesShowTheirShares) {
    const auto ran = pc({"routes"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("v1 10%, v2 90%"), std::string::npos) << ran.out;
    EXPECT_NE(ran.err.find("NOTE: This output only contains routes loaded via RDS."), std::string::npos);
    const auto json = pc({"r", "-o", "json"}).json();
    ASSERT_EQ(json.size(), 2u);
    EXPECT_EQ(json[1]["virtualService"], "reviews");
    EXPECT_EQ(json[1]["clusters"][1], (cli::Json{{"cluster", "v2"}, {"weight", 90}, {"percent", 90.0}}));
}

TEST_F(PcTest, AliasesAndAll) {
    for (const auto& [alias, noun] : std::vector<std::pair<std::string, std::string>>{{"l", "listeners"},
                                                                                      {"listener", "listeners"},
                                                                                      {"r", "routes"},
                                                                                      {"route", "routes"},
                                                                                      {"c", "clusters"},
                                                                                      {"cluster", "clusters"},
                                                                                      {"ep", "endpoints"},
                                                                                      {"endpoint", "endpoints"}}) {
        EXPECT_EQ(pc({alias, "-o", "json"}).out, pc({noun, "-o", "json"}).out) << alias;
        EXPECT_EQ(pc({"all", "-o", "json"}).json()[noun], pc({noun, "-o", "json"}).json()) << noun;
    }
}

TEST_F(PcTest, FiltersOfTheWrongNounAreUsageErrors) {
    EXPECT_EQ(pc({"listeners", "--port", "9080", "-o", "json"}).json().size(), 1u);
    EXPECT_EQ(pc({"listeners", "--subset", "v1"}).code, 2);
    EXPECT_EQ(pc({"routes", "--port", "1"}).code, 2);
    EXPECT_EQ(pc({"listeners", "--port", "70000"}).code, 2);
    EXPECT_EQ(pc({"listeners", "--port", "x"}).code, 2);
    EXPECT_EQ(pc({"diff", "--name", "x"}).code, 2);
    EXPECT_EQ(pc({"diff", "--kernel"}).code, 2);
    EXPECT_EQ(pc({"listners"}).code, 2);
    EXPECT_NE(pc({"listners"}).err.find("did you mean \"listeners\"?"), std::string::npos);
    EXPECT_EQ(shunt({"pc"}).code, 2);
    EXPECT_EQ(shunt({"check", "-c", config_, "-o", "short"}).code, 2) << "short is for pc";
}

TEST_F(PcTest, NothingFoundIsSaidAndIsNoTable) {
    const auto ran = pc({"listeners", "--name", "no-such"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("no listeners"), std::string::npos);
    EXPECT_EQ(pc({"listeners", "--name", "no-such", "-o", "json"}).json(), cli::Json::array());
}

TEST_F(PcTest, ABadConfigurationAndNoKernel) {
    EXPECT_EQ(shunt({"pc", "l", "-c", file("bad.yaml", kBadConfig)}).code, 3);
    EXPECT_NE(pc({"listeners", "--kernel", "--pin-dir", dir_ + "/none"}).code, 0);
    EXPECT_NE(pc({"diff", "--pin-dir", dir_ + "/none"}).code, 0);
}

}  // namespace
}  // namespace shunt::test
