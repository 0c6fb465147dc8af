// SPDX-License-Identifier: Apache-2.0
// A pod's annotations -> configuration.
#include "importer/istio_annotations.h"

#include "importer_fixture.h"

namespace shunt::test {
namespace {

base::Result<importer::Imported> import_pod(const std::string& text) {
    const auto pod = importer::read_pod(text, "pod.yaml");
    if (!pod) return tl::unexpected<base::Error>(pod.error());
    auto imported = importer::convert_istio(pod->settings, {{"/mesh"}, "", {}}, pod->family, accounts());
    if (imported) imported->remarks.insert(imported->remarks.end(), pod->remarks.begin(), pod->remarks.end());
    return imported;
}

std::string annotated(const std::string& lines) {
    return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: reviews-v1\n  annotations:\n" + lines;
}

constexpr char kDeployment[] = R"({
  "apiVersion": "apps\/v1", "kind": "Deployment",
  "spec": {"replicas": 1, "template": {
    "metadata": {"annotations": {"traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/8,2001:db8::/32",
                                 "note": "\ud83d\ude00"}},
    "spec": {"containers": [{"name": "app", "securityContext": {"runAsUser": 7}},
                            {"name": "istio-proxy", "securityContext": {"runAsUser": 1000730001, "runAsGroup": 5}}]}}}})";

TEST(ImportAnnotations, Defaults) {
    const auto imported = import_pod("kind: Pod\nmetadata:\n  name: x\n");
    EXPECT_EQ(line_of(imported, "listen"), "0.0.0.0:15001");
    EXPECT_EQ(line_of(imported, "uids"), "[1337]");
    EXPECT_EQ(line_of(imported, "gids"), "[1337]");
    EXPECT_EQ(line_of(imported, "includeOutboundIPRanges"), "[\"*\"]");
    EXPECT_NE(remarks_of(*imported).find("no annotation"), std::string::npos);
}

TEST(ImportAnnotations, Each) {
    const auto imported = import_pod(annotated(R"(    traffic.sidecar.istio.io/includeOutboundIPRanges: ""
    traffic.sidecar.istio.io/excludeOutboundIPRanges: 198.51.100.0/24
    traffic.sidecar.istio.io/includeOutboundPorts: "9080"
    traffic.sidecar.istio.io/excludeOutboundPorts: "22,3306"
    traffic.sidecar.istio.io/excludeInboundPorts: "9"
    traffic.sidecar.istio.io/excludeInterfaces: net1
    sidecar.istio.io/interceptionMode: REDIRECT
    sidecar.istio.io/inject: "false"
    kubectl.kubernetes.io/default-container: app
)"));
    EXPECT_EQ(line_of(imported, "includeOutboundIPRanges"), "[]");
    EXPECT_EQ(line_of(imported, "excludeOutboundIPRanges"), "[198.51.100.0/24]");
    EXPECT_EQ(line_of(imported, "includeOutboundPorts"), "[9080]");
    EXPECT_EQ(line_of(imported, "excludeOutboundPorts"), "[22, 3306]");
    const auto remarks = remarks_of(*imported);
    EXPECT_NE(remarks.find("- traffic.sidecar.istio.io/excludeInboundPorts: "), std::string::npos) << remarks;
    EXPECT_NE(remarks.find("! traffic.sidecar.istio.io/excludeInterfaces: "), std::string::npos) << remarks;
    EXPECT_NE(remarks.find("! sidecar.istio.io/inject: false"), std::string::npos) << remarks;
    EXPECT_EQ(remarks.find("default-container"), std::string::npos) << remarks;
}

TEST(ImportAnnotations, ProxyConfigIsTheEnvironment) {
    const auto imported = import_pod(annotated(R"(    proxy.istio.io/config: |
      concurrency: 2
      proxyMetadata:
        ISTIO_DUAL_STACK: "true"
        ISTIO_META_DNS_CAPTURE: "true"
        ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE: "java"
        OUTPUT_CERTS: /etc/certs
)"));
    EXPECT_EQ(line_of(imported, "ipv6"), "capture");
    EXPECT_EQ(line_of(imported, "excludeOutboundOwnerGroups"), "[202]");
    EXPECT_NE(remarks_of(*imported).find("! proxyMetadata ISTIO_META_DNS_CAPTURE: "), std::string::npos);
}

TEST(ImportAnnotations, WorkloadAsJson) {
    const auto imported = import_pod(kDeployment);
    EXPECT_EQ(line_of(imported, "includeOutboundIPRanges"), "[10.0.0.0/8, 2001:db8::/32]");
    EXPECT_EQ(line_of(imported, "uids"), "[1000730001]");
    EXPECT_EQ(line_of(imported, "gids"), "[5]");
    const auto list = import_pod(R"({"kind":"List","items":[)" + std::string(kDeployment) + "]}");
    EXPECT_EQ(line_of(list, "uids"), "[1000730001]");
}

TEST(ImportAnnotations, PodWithIpv6Only) {
    const auto imported = import_pod("kind: Pod\nmetadata: {}\nstatus:\n  podIPs:\n  - ip: 2001:db8::5\n");
    EXPECT_EQ(line_of(imported, "listen"), "\"[::]:15001\"");
}

TEST(ImportAnnotations, WhatIsWrongIsNamed) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {annotated("    traffic.sidecar.istio.io/excludeOutboundPort: \"22\"\n"),
         "pod.yaml:6:51: metadata.annotations.\"traffic.sidecar.istio.io/excludeOutboundPort\": unknown annotation "
         "(did "
         "you mean \"traffic.sidecar.istio.io/excludeOutboundPorts\"?)"},
        {annotated("    traffic.sidecar.istio.io/excludeOutboundPorts: [22]\n"), "a list or a map; expected text"},
        {annotated("    proxy.istio.io/config: \"{\"\n"), "its text is not YAML"},
        {"{\"kind\": \"Pod\", \"metadata\": {", "JSON: "},
        {"{\"a\":" + std::string(600, '[') + std::string(600, ']') + "}", "nested too deeply"},
        {"kind: Pod\n", "no metadata; expected a pod or a workload"},
        {"", "expected a pod or a workload"},
        {"items: []\n", "0 objects; expected one pod"},
        {"a: \xff\n", "not UTF-8"},
    };
    for (const auto& [text, message] : cases) {
        const auto imported = import_pod(text);
        ASSERT_FALSE(imported) << message;
        EXPECT_EQ(imported.error().code, base::ExitCode::kConfigInvalid);
        EXPECT_NE(imported.error().message.find(message), std::string::npos) << imported.error().message;
    }
    for (const char* mode : {"TPROXY", "NONE"})
        EXPECT_FALSE(import_pod(annotated("    sidecar.istio.io/interceptionMode: " + std::string(mode) + "\n")));
}

}  // namespace
}  // namespace shunt::test
