// SPDX-License-Identifier: Apache-2.0
#include "cli/flow_json.h"
#include "cli_fixture.h"

namespace shunt::test {
namespace {

class ExplainTest : public CliTest {
protected:
    Ran explain(std::vector<std::string> arguments, const std::string& input = "") {
        arguments.insert(arguments.begin(), {"explain", "-c", config_});
        return shunt(arguments, input);
    }

    cli::Json answer(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"-o", "json"});
        const Ran ran = explain(arguments);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return ran.json();
    }

    const std::string config_ = file("good.yaml", kGoodConfig);
};

TEST_F(ExplainTest, RedirectNamesListenerRouteAndClusters) {
    const auto json = answer({"192.0.2.1:9080"});
    EXPECT_EQ(json["verdict"], "redirect");
    EXPECT_EQ(json["reason"], "port_listener");
    EXPECT_EQ(json["lane"], "address");
    EXPECT_EQ(json["listener"], "web");
    EXPECT_EQ(json["route"], "9080");
    ASSERT_EQ(json["clusters"].size(), 1u) << "the virtual host of this address and port, and no other";
    EXPECT_EQ(json["clusters"][0]["name"], "details");
    EXPECT_FALSE(json["rule"]["path"].get<std::string>().empty());
    for (const auto* key : {"verdict", "reason", "rule", "lane", "to", "listener", "route", "clusters"})
        EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(ExplainTest, VirtualHostByAddressAlone) {
    const auto clusters = answer({"192.0.2.2:9080"})["clusters"];
    ASSERT_EQ(clusters.size(), 2u);
    EXPECT_EQ(clusters[0]["name"], "v1");
    EXPECT_EQ(clusters[1]["weight"], 90);
}

TEST_F(ExplainTest, TheHostHeaderChoosesTheVirtualHost) {
    const auto reviews = answer({"--host", "reviews", "192.0.2.99:9080"});
    EXPECT_EQ(reviews["virtualHost"], "reviews");
    EXPECT_EQ(reviews["domain"], "reviews");
    ASSERT_EQ(reviews["clusters"].size(), 2u);
    EXPECT_EQ(reviews["clusters"][0]["percent"], 10.0);
    EXPECT_EQ(reviews["decidedBy"]["kernel"], (cli::Json{"verdict", "listener"}));
    EXPECT_EQ(reviews["decidedBy"]["proxy"], (cli::Json{"virtualHost", "cluster", "endpoint"}));
    const auto none = answer({"--host", "no-such", "192.0.2.2:9080"});
    EXPECT_EQ(none["virtualHost"], nullptr);
    EXPECT_EQ(none["clusters"], cli::Json::array()) << "the proxy answers 404";
    const auto unknown = answer({"192.0.2.99:9080"});
    EXPECT_EQ(unknown["virtualHost"], nullptr);
    EXPECT_EQ(unknown["clusters"].size(), 3u) << "any of them may answer";
    const Ran line = explain({"-"}, R"({"dst":"192.0.2.99:9080","host":"REVIEWS"})");
    EXPECT_EQ(line.json()["virtualHost"], "reviews");
}

TEST_F(ExplainTest, DirectListenersAreTheKernelsToTheEndpoint) {
    const auto config = file("direct.yaml", R"(proxy: { listen: 0.0.0.0:15001, identity: { uids: [1337] } }
capture: { cgroups: [/shunt-t-no-such-cgroup] }
listeners:
  - { name: db, port: 3306, direct: true, weightedClusters: [{ name: a, weight: 1 }, { name: b, weight: 3 }] }
clusters:
  - name: a
    endpoints:
      - { address: 192.0.2.1:1, weight: 1 }
      - { address: 192.0.2.2:1, weight: 4 }
      - { address: 192.0.2.3:1, weight: 5, health: DRAINING }
  - { name: b, endpoints: [{ address: 192.0.2.4:1 }] }
)");
    const Ran ran = shunt({"explain", "-c", config, "-o", "json", "192.0.2.9:3306"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto json = ran.json();
    EXPECT_EQ(json["verdict"], "balance");
    EXPECT_EQ(json["decidedBy"]["kernel"], (cli::Json{"verdict", "listener", "cluster", "endpoint"}));
    EXPECT_EQ(json["decidedBy"]["proxy"], cli::Json::array());
    EXPECT_EQ(json["clusters"][0]["percent"], 25.0);
    const auto& endpoints = json["clusters"][0]["endpoints"];
    ASSERT_EQ(endpoints.size(), 3u);
    EXPECT_EQ(endpoints[0]["percent"], 20.0);
    EXPECT_EQ(endpoints[1]["percent"], 80.0);
    EXPECT_EQ(endpoints[2]["percent"], 0.0);
    EXPECT_EQ(endpoints[2]["health"], "DRAINING");
    const auto table = shunt({"explain", "-c", config, "192.0.2.9:3306"}).out;
    EXPECT_NE(table.find("kernel decides:  verdict, listener, cluster, endpoint"), std::string::npos) << table;
    EXPECT_NE(table.find("192.0.2.2:1  80%"), std::string::npos) << table;
}

TEST_F(ExplainTest, ExactListenerAndUnmatched) {
    const auto exact = answer({"192.0.2.7:3306"});
    EXPECT_EQ(exact["reason"], "listener");
    EXPECT_EQ(exact["listener"], "db");
    EXPECT_EQ(exact["route"], nullptr);
    EXPECT_EQ(exact["clusters"][0]["name"], "mysql");
    const auto unmatched = answer({"192.0.2.9:443"});
    EXPECT_EQ(unmatched["reason"], "unmatched");
    EXPECT_EQ(unmatched["listener"], nullptr);
    EXPECT_EQ(unmatched["clusters"][0]["name"], "PassThrough");
}

TEST_F(ExplainTest, WhoAsksMatters) {
    EXPECT_EQ(answer({"192.0.2.1:22"})["reason"], "excluded_port");
    EXPECT_EQ(answer({"192.0.2.1:22"})["rule"]["path"], "capture.excludeOutboundPorts[0]");
    EXPECT_EQ(answer({"192.0.2.1:22"})["rule"]["line"], 6);
    EXPECT_EQ(answer({"--uid", "1337", "192.0.2.1:9080"})["reason"], "proxy_uid");
    EXPECT_EQ(answer({"--as", "proxy", "192.0.2.1:9080"})["reason"], "proxy_uid");
    EXPECT_EQ(answer({"--own", "192.0.2.1", "--own", "192.0.2.3", "192.0.2.1:9080"})["reason"], "own_address");
    EXPECT_EQ(answer({"--udp", "192.0.2.1:9080"})["reason"], "not_tcp");
    EXPECT_EQ(answer({"192.0.2.1:0"})["reason"], "port_zero");
    EXPECT_EQ(answer({"[2001:db8::1]:80"})["verdict"], "bypass");
}

TEST_F(ExplainTest, TableShowsFileAndLine) {
    const Ran ran = explain({"192.0.2.1:22"});
    EXPECT_NE(ran.out.find("capture.excludeOutboundPorts[0] (" + config_ + ":6)"), std::string::npos) << ran.out;
}

TEST_F(ExplainTest, BadFlowsAreUsageErrors) {
    EXPECT_EQ(explain({"192.0.2.1"}).code, 2);
    EXPECT_EQ(explain({"name.example:80"}).code, 2);
    EXPECT_EQ(explain({"--own", "x", "192.0.2.1:80"}).code, 2);
    EXPECT_EQ(explain({"--as", "x", "192.0.2.1:80"}).code, 2);
    EXPECT_EQ(explain({"--family", "inet", "[2001:db8::1]:80"}).code, 2);
    EXPECT_EQ(shunt({"explain", "-c", file("bad.yaml", kBadConfig), "192.0.2.1:80"}).code, 3);
}

TEST_F(ExplainTest, LinesOfJson) {
    const Ran ran = explain({"-"},
                            "{\"dst\":\"192.0.2.1:9080\",\"uid\":1000,\"gid\":1000,\"own\":[\"192.0.2.3\"]}\n"
                            "\n"
                            "{\"dst\":\"192.0.2.1:9080\",\"as\":\"proxy\"}\n"
                            "{\"dst\":\"192.0.2.7:3306\",\"family\":\"inet6\"}\n");
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::istringstream lines(ran.out);
    std::vector<cli::Json> answers;
    for (std::string line; std::getline(lines, line);) answers.push_back(cli::Json::parse(line));
    ASSERT_EQ(answers.size(), 3u) << ran.out;
    EXPECT_EQ(answers[0]["reason"], "port_listener");
    EXPECT_EQ(answers[1]["reason"], "proxy_uid");
    EXPECT_EQ(answers[2]["reason"], "listener");
}

TEST_F(ExplainTest, ABadLineIsAnsweredAndTheRestGoesOn) {
    const Ran ran = explain({"-"}, "nonsense\n{\"dst\":\"192.0.2.1:9080\"}\n{\"dts\":\"x\"}\n{\"dst\":\"x\"}\n[]\n");
    EXPECT_EQ(ran.code, 1);
    std::istringstream lines(ran.out);
    std::vector<cli::Json> answers;
    for (std::string line; std::getline(lines, line);) answers.push_back(cli::Json::parse(line));
    ASSERT_EQ(answers.size(), 5u) << ran.out;
    for (const std::size_t bad : {0u, 2u, 3u, 4u}) EXPECT_TRUE(answers[bad].contains("error")) << ran.out;
    EXPECT_EQ(answers[1]["verdict"], "redirect");
    EXPECT_NE(answers[2]["error"].get<std::string>().find("did you mean \"dst\"?"), std::string::npos);
}

TEST(FlowLine, EveryKeyIsTyped) {
    for (const auto* line :
         {"{\"dst\":1}", "{\"dst\":\"192.0.2.1:1\",\"uid\":-1}", "{\"dst\":\"192.0.2.1:1\",\"uid\":4294967296}",
          "{\"dst\":\"192.0.2.1:1\",\"uid\":\"0\"}", "{\"dst\":\"192.0.2.1:1\",\"own\":\"x\"}",
          "{\"dst\":\"192.0.2.1:1\",\"own\":[1]}", "{\"dst\":\"192.0.2.1:1\",\"udp\":1}", "{}", ""})
        EXPECT_FALSE(cli::parse_flow_line(line)) << line;
    const auto flow = cli::parse_flow_line(
        "{\"dst\":\"192.0.2.1:1\",\"mark\":7,\"source\":\"192.0.2.3:0\",\"udp\":true,\"boundToDevice\":true}");
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->mark, 7u);
    EXPECT_TRUE(flow->udp);
    const auto read = cli::to_flow(*flow, policy::Tables{});
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->tcp);
    EXPECT_TRUE(read->bound_to_device);
    EXPECT_EQ(read->source->port, 0);
}

}  // namespace
}  // namespace shunt::test
