// SPDX-License-Identifier: Apache-2.0
// istio-iptables' command line and environment -> configuration.
#include "importer_fixture.h"

namespace shunt::test {
namespace {

struct Case {
    std::vector<std::string> words;
    std::string key, value;
};

TEST(ImportFlags, EachFlagInEachSpelling) {
    const std::vector<Case> cases{
        {{}, "listen", "0.0.0.0:15001"},
        {{"-p", "15101"}, "listen", "0.0.0.0:15101"},
        {{"-p15101"}, "listen", "0.0.0.0:15101"},
        {{"-p=15101"}, "listen", "0.0.0.0:15101"},
        {{"--envoy-port", "15101"}, "listen", "0.0.0.0:15101"},
        {{"--envoy-port=15101"}, "listen", "0.0.0.0:15101"},
        {{"ENVOY_PORT=15101"}, "listen", "0.0.0.0:15101"},
        {{"-p", ""}, "listen", "0.0.0.0:15001"},
        {{"--dual-stack"}, "listen", "[0.0.0.0:15001, \"[::]:15001\"]"},
        {{"--dual-stack=false"}, "listen", "0.0.0.0:15001"},
        {{"--dual-stack"}, "ipv6", "capture"},
        {{"ISTIO_DUAL_STACK=true"}, "ipv6", "capture"},
        {{"DUAL_STACK=1"}, "ipv6", "capture"},
        {{}, "ipv6", "bypass"},
        {{}, "uids", "[1337]"},
        {{}, "gids", "[1337]"},
        {{"-u", "1337,2000, 1337"}, "uids", "[1337, 2000]"},
        {{"-u", "2000"}, "gids", "[2000]"},
        {{"-u", "envoy"}, "uids", "[101]"},
        {{"-u", "envoy"}, "gids", "[102]"},
        {{"ENVOY_USER=envoy"}, "uids", "[101]"},
        {{"-u", "0", "-g", "1337,java"}, "gids", "[1337, 202]"},
        {{"-u", "0"}, "uids", "[0]"},
        {{}, "includeOutboundIPRanges", "[]"},
        {{"-i", "*"}, "includeOutboundIPRanges", "[\"*\"]"},
        {{"-i", ""}, "includeOutboundIPRanges", "[]"},
        {{"ISTIO_SERVICE_CIDR=*", "-i", ""}, "includeOutboundIPRanges", "[]"},
        {{"-i", "*", "ISTIO_SERVICE_CIDR=10.0.0.0/8"}, "includeOutboundIPRanges", "[\"*\"]"},
        {{"-i", "10.1.2.3/8,::1/128,192.0.2.1"}, "includeOutboundIPRanges", "[10.0.0.0/8, \"::1/128\", 192.0.2.1/32]"},
        {{"-i", "*", "-x", "0.0.0.0/0"}, "excludeOutboundIPRanges", "[0.0.0.0/0]"},
        {{"-i", "10.0.0.0/8,10.1.0.0/16", "-x", "10.0.0.0/8"}, "includeOutboundIPRanges", "[10.1.0.0/16]"},
        {{"-q", "9080,8000:8010,8000-8010"}, "includeOutboundPorts", "[9080, 8000-8010]"},
        {{"-q", "22,80", "-o", "22"}, "includeOutboundPorts", "[80]"},
        {{"-o", ",22,,3306,"}, "excludeOutboundPorts", "[22, 3306]"},
        {{}, "includeOutboundOwnerGroups", "[\"*\"]"},
        {{"ISTIO_OUTBOUND_OWNER_GROUPS=java,1000"}, "includeOutboundOwnerGroups", "[202, 1000]"},
        {{"ISTIO_OUTBOUND_OWNER_GROUPS="}, "includeOutboundOwnerGroups", "[]"},
        {{"ISTIO_OUTBOUND_OWNER_GROUPS=*", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=202,java"},
         "excludeOutboundOwnerGroups",
         "[202]"},
        {{"ISTIO_OUTBOUND_OWNER_GROUPS=202", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=202"},
         "excludeOutboundOwnerGroups",
         "[]"},
        {{"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR=127.1.0.0/16"}, "outboundIPv4LoopbackCIDR", "127.1.0.0/16"},
        {{}, "outboundIPv4LoopbackCIDR", "127.0.0.1/32"},
        {{"-p", "1", "-p", "2"}, "listen", "0.0.0.0:2"},
        {{"pilot-agent", "istio-iptables", "-nfp", "2"}, "listen", "0.0.0.0:2"},
        {{"/usr/local/bin/istio-iptables", "-p2"}, "listen", "0.0.0.0:2"},
    };
    for (const auto& c : cases) {
        std::string shown;
        for (const auto& word : c.words) shown += word + " ";
        EXPECT_EQ(line_of(import_flags(c.words), c.key), c.value) << shown;
    }
}

TEST(ImportFlags, Environment) {
    const auto environment = [](const std::string& name) {
        return name == "PROXY_UID"          ? std::optional<std::string>("2000")
               : name == "ISTIO_DUAL_STACK" ? std::optional<std::string>("")
                                            : std::nullopt;
    };
    EXPECT_EQ(line_of(import_flags({}, environment), "uids"), "[2000]");
    EXPECT_EQ(line_of(import_flags({}, environment), "ipv6"), "bypass");
    EXPECT_EQ(line_of(import_flags({"PROXY_UID=3000"}, environment), "uids"), "[3000]");
    EXPECT_EQ(line_of(import_flags({"PROXY_UID=3000", "-u", "4000"}, environment), "uids"), "[4000]");
}

TEST(ImportFlags, Ipv6Only) {
    const auto imported = import_flags({}, {}, importer::PodFamily::kV6Only);
    EXPECT_EQ(line_of(imported, "listen"), "\"[::]:15001\"");
    EXPECT_EQ(line_of(imported, "ipv6"), "capture");
}

TEST(ImportFlags, EverythingWithoutMeaningIsSaid) {
    const auto imported = import_flags({"-p",
                                        "15001",
                                        "-z",
                                        "15006",
                                        "-e",
                                        "15008",
                                        "-b",
                                        "*",
                                        "-d",
                                        "15090",
                                        "-m",
                                        "REDIRECT",
                                        "-c",
                                        "eth1",
                                        "--redirect-dns",
                                        "--capture-all-dns=false",
                                        "--drop-invalid",
                                        "--native-nftables",
                                        "-n",
                                        "--run-validation",
                                        "--cleanup-only",
                                        "--reconcile",
                                        "--network-namespace",
                                        "/proc/1/ns/net",
                                        "--log_output_level=default:info",
                                        "-k",
                                        "",
                                        "-q",
                                        "22",
                                        "-o",
                                        "22"});
    ASSERT_TRUE(imported) << imported.error().message;
    const auto remarks = remarks_of(*imported);
    for (const char* flag :
         {"- -z: ", "- -e: ", "- -b: ", "- -d: ", "- -m: ", "! -c: ", "! --redirect-dns: ", "- --drop-invalid: ",
          "- --native-nftables: ", "- -n: ", "- --run-validation: ", "- --cleanup-only: ", "- --reconcile: ",
          "- --network-namespace: ", "- --log_output_level: ", "- -q: 22 is left out"})
        EXPECT_NE(remarks.find(flag), std::string::npos) << flag << "\n" << remarks;
    for (const char* flag : {"-p: ", "--capture-all-dns", "-k: "})
        EXPECT_EQ(remarks.find(flag), std::string::npos) << flag << "\n" << remarks;
}

TEST(ImportFlags, WhatIsWrongIsNamed) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"--istio-service-cdr", "*"}, "unknown flag \"--istio-service-cdr\" (did you mean \"--istio-service-cidr\"?)"},
        {{"-Q", "80"}, "unknown flag \"-Q\" (did you mean \"-q\"?)"},
        {{"PROXY_UIDS=1"}, "unknown variable \"PROXY_UIDS\" (did you mean \"PROXY_UID\"?)"},
        {{"-p"}, "-p: its value is missing"},
        {{"start"}, "unexpected argument \"start\""},
        {{"--dual-stack=maybe"}, "--dual-stack: \"maybe\"; expected true or false"},
        {{"-k", "net0"}, "-k: what virtual machines send is forwarded"},
        {{"-m", "TPROXY"}, "-m: TPROXY"},
        {{"-t", "1337"}, "-t: TPROXY"},
        {{"-r", "133"}, "-r: TPROXY"},
        {{"-p", "0"}, "-p: \"0\""},
        {{"-o", "http"}, "-o: \"http\" is not a port"},
        {{"-x", "*"}, "-x: \"*\" would exclude everything"},
        {{"-i", "*,10.0.0.0/8"}, "-i: \"*\" besides address ranges"},
        {{"-i", "10.0.0.0/33"}, "-i: \"10.0.0.0/33\""},
        {{"-u", "nobody-here"}, "-u: user \"nobody-here\" is not known"},
        {{"-u", "4294967295"}, "-u: \"4294967295\" is out of range"},
        {{"ISTIO_OUTBOUND_OWNER_GROUPS=*,1"}, "ISTIO_OUTBOUND_OWNER_GROUPS: group \"*\""},
        {{"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR=::1/128"}, "is IPv6; expected an IPv4 range"},
    };
    for (const auto& [words, message] : cases) {
        const auto imported = import_flags(words);
        ASSERT_FALSE(imported) << message;
        EXPECT_EQ(imported.error().code, base::ExitCode::kUsage);
        EXPECT_NE(imported.error().message.find(message), std::string::npos) << imported.error().message;
    }
    const auto two = import_flags({"-o", "x", "-q", "y"});
    EXPECT_EQ(std::count(two.error().message.begin(), two.error().message.end(), '\n'), 1) << two.error().message;
}

// 127.x as it is written decides there; what it is masked to decides here.
TEST(ImportFlags, LoopbackThatIsMaskedAwayIsSaid) {
    const auto imported = import_flags({"-i", "127.0.0.1/4"});
    ASSERT_TRUE(imported);
    EXPECT_NE(remarks_of(*imported).find("! -i: \"127.0.0.1/4\" is 112.0.0.0/4 here"), std::string::npos);
    EXPECT_EQ(remarks_of(*import_flags({"-i", "127.0.0.1/8"})), "");
}

}  // namespace
}  // namespace shunt::test
