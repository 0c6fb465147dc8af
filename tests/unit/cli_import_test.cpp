// SPDX-License-Identifier: Apache-2.0
// shunt import as users call it: data on stdout, words on stderr, exit codes.
#include "cli_fixture.h"

namespace shunt::test {
namespace {

class Import : public CliTest {};

TEST_F(Import, WhatItPrintsIsAConfiguration) {
    const auto ran = shunt({"import", "istio-iptables", "--cgroup", "/a", "--cgroup", "/b", "--proxy-cgroup",
                            "/a/proxy", "--client-address", "192.0.2.7", "--", "-i", "*", "-o", "22", "-b", "*"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.err.find("shunt: -b: inbound"), std::string::npos) << ran.err;
    EXPECT_NE(ran.out.find("excludeOutboundPorts: [22]  # -o\n"), std::string::npos) << ran.out;
    const auto config = file("c.yaml", ran.out);
    EXPECT_EQ(shunt({"check", "-c", config}).code, 0);
    const auto explained = shunt({"explain", "-c", config, "-o", "json", "192.0.2.1:22"});
    EXPECT_EQ(explained.json()["reason"], "excluded_port") << explained.out;
    EXPECT_EQ(shunt({"explain", "-c", config, "-o", "json", "192.0.2.1:23"}).json()["verdict"], "redirect");
}

TEST_F(Import, Annotations) {
    const std::string pod =
        "kind: Pod\nmetadata:\n  annotations:\n    traffic.sidecar.istio.io/excludeOutboundPorts: \"22\"\n";
    const auto from_stdin = shunt({"import", "istio-annotations", "--cgroup", "/a", "-"}, pod);
    const auto from_file = shunt({"import", "istio-annotations", "--cgroup", "/a", file("pod.yaml", pod)});
    EXPECT_EQ(from_stdin.code, 0) << from_stdin.err;
    EXPECT_EQ(from_stdin.out, from_file.out);
    EXPECT_NE(from_file.out.find("excludeOutboundPorts: [22]"), std::string::npos);
    const auto bad = shunt({"import", "istio-annotations", "-"}, pod + "    traffic.sidecar.istio.io/x: \"1\"\n");
    EXPECT_EQ(bad.code, 3);
    EXPECT_EQ(bad.err.rfind("stdin:5:", 0), 0u) << bad.err;
    EXPECT_EQ(bad.out, "");
    const auto ports = shunt({"import", "istio-annotations", "-"},
                             "metadata:\n  annotations:\n    traffic.sidecar.istio.io/excludeOutboundPorts: http\n");
    EXPECT_EQ(ports.code, 3);
    EXPECT_NE(ports.err.find("traffic.sidecar.istio.io/excludeOutboundPorts: \"http\""), std::string::npos);
}

TEST_F(Import, WrongWords) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"import", "istio-iptable", "--", "-p", "1"}, "did you mean \"istio-iptables\"?"},
        {{"import", "istio-iptables", "--", "--envoy-prt", "1"}, "did you mean \"--envoy-port\"?"},
        {{"import", "istio-iptables", "pod.yaml"}, "unexpected argument \"pod.yaml\""},
        {{"import", "istio-annotations", "-", "--", "-p", "1"}, "only istio-iptables takes words after --"},
        {{"import", "istio-annotations"}, "the pod's file is missing"},
        {{"import", "istio-iptables", "--cgroup", "mesh"}, "\"mesh\" does not begin with /"},
        {{"import", "istio-iptables", "--client-address", "x"}, "--client-address: \"x\""},
        {{"import"}, "SOURCE is required"},
    };
    for (const auto& [words, message] : cases) {
        const auto ran = shunt(words);
        EXPECT_EQ(ran.code, 2) << message;
        EXPECT_EQ(ran.out, "") << message;
        EXPECT_NE(ran.err.find(message), std::string::npos) << ran.err;
    }
    EXPECT_EQ(shunt({"import", "istio-annotations", dir_ + "/missing.yaml"}).code, 1);
}

}  // namespace
}  // namespace shunt::test
