// SPDX-License-Identifier: Apache-2.0
// Shapes of a config_dump, and what is wrong with one. Dumps of a running Envoy are in tests/integration/importer.
#include <zlib.h>

#include <sstream>

#include "base/cluster_name.h"
#include "importer/envoy.h"
#include "importer_fixture.h"

namespace shunt::test {
namespace {

base::Result<importer::EnvoyConfig> read(const std::string& text) {
    std::istringstream in(text);
    const auto spool = importer::spool_stream(in);
    if (!spool) return tl::unexpected<base::Error>(spool.error());
    auto bytes = spool->read("dump");
    if (!bytes) return tl::unexpected<base::Error>(bytes.error());
    return importer::read_envoy(*bytes, "dump");
}

std::string part(const std::string& type, const std::string& lists) {
    return R"({"@type": "type.googleapis.com/envoy.admin.v3.)" + type + "ConfigDump\", " + lists + "}";
}
std::string dump(const std::string& parts) { return "{\"configs\": [" + parts + "]}"; }
std::string listeners(const std::string& entries) {
    return dump(part("Listeners", "\"version_info\": \"7\", \"dynamic_listeners\": [" + entries + "]"));
}
std::string listener(const std::string& fields) {
    return R"({"name": "l", "active_state": {"version_info": "7", "listener": {)" + fields + "}}}";
}
std::string tcp(const std::string& cluster) {
    return R"({"filters": [{"name": "tcp", "typed_config": {"@type": "type.googleapis.com/x.TcpProxy", )" + cluster +
           "}}]}";
}
std::string address(const std::string& ip, int port) {
    return R"({"socket_address": {"address": ")" + ip + "\", \"port_value\": " + std::to_string(port) + "}}";
}
const std::string kClusters = part("Clusters", R"("dynamic_active_clusters": [
  {"cluster": {"name": "a", "type": "EDS"}}, {"cluster": {"name": "b", "type": "STRICT_DNS"}},
  {"cluster": {"name": "PassthroughCluster", "type": "ORIGINAL_DST"}}, {"cluster": {"name": "BlackHoleCluster"}}])");

std::string with_listeners(const std::string& entries) {
    return dump(kClusters + ", " + part("Listeners", "\"dynamic_listeners\": [" + entries + "]"));
}

std::string remarks(const importer::EnvoyConfig& config) {
    std::string text;
    for (const auto& remark : config.remarks) text += remark.text + "\n";
    return text;
}

TEST(ImportEnvoy, ListenersOfEveryShape) {
    const std::string unbound = ", \"bind_to_port\": false";
    const auto config = read(with_listeners(
        listener("\"name\": \"out\", \"use_original_dst\": true, \"address\": " + address("0.0.0.0", 15001) +
                 ", \"additional_addresses\": [{\"address\": " + address("::", 15001) + "}], \"filter_chains\": [" +
                 R"({"filter_chain_match": {"destination_port": 15001}, "filters": []}, )" +
                 tcp("\"cluster\": \"BlackHoleCluster\"") + "]") +
        ", " +
        listener("\"name\": \"one\", \"address\": " + address("192.0.2.1", 1) + unbound + ", \"filter_chains\": [" +
                 tcp("\"cluster\": \"a\"") + "]") +
        ", " +
        listener(
            "\"name\": \"many\", \"address\": " + address("0.0.0.0", 2) + unbound + ", \"filter_chains\": [" +
            tcp(R"("weighted_clusters": {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": "3"}]})") +
            "]") +
        ", " +
        listener("\"name\": \"twin\", \"address\": " + address("::", 2) + unbound + ", \"filter_chains\": [" +
                 tcp("\"cluster\": \"a\"") + "]") +
        ", " +
        listener("\"name\": \"udp\", \"address\": {\"socket_address\": {\"protocol\": \"UDP\", \"address\": "
                 "\"192.0.2.1\", \"port_value\": 53}}") +
        ", " +
        listener(
            "\"name\": \"redis\", \"address\": " + address("0.0.0.0", 3) + unbound +
            R"(, "filter_chains": [{"filters": [{"name": "redis_proxy", "typed_config": {"@type": "RedisProxy"}}]}])") +
        ", " +
        listener("\"name\": \"gone\", \"address\": " + address("0.0.0.0", 4) + unbound + ", \"filter_chains\": [" +
                 tcp("\"cluster\": \"nowhere\"") + "]") +
        R"(, {"name": "w", "warming_state": {"listener": {"name": "w"}}})"));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(base::to_string(*config->listen_v4), "0.0.0.0:15001");
    EXPECT_EQ(base::to_string(*config->listen_v6), "[::]:15001");
    EXPECT_EQ(config->mode, model::PolicyMode::kRegistryOnly);
    ASSERT_EQ(config->listeners.size(), 2u) << remarks(*config);
    EXPECT_EQ(config->listeners[0].cluster, "a");
    EXPECT_EQ(config->listeners[1].route_config_name, "many");
    ASSERT_EQ(config->routes.size(), 1u);
    EXPECT_EQ(config->routes[0].virtual_hosts[0].weighted_clusters[1].weight, 3u);
    for (const char* remark :
         {"udp: a listener without a TCP address", "redis: a listener whose last filter is redis_proxy",
          "gone -> nowhere: leads to a cluster that is not in the dump"})
        EXPECT_NE(remarks(*config).find(remark), std::string::npos) << remarks(*config);
}

TEST(ImportEnvoy, AListenerWithoutANameIsNamedAfterItsAddress) {
    const auto config = read(with_listeners(listener(
        "\"address\": " + address("192.0.2.1", 7) + ", \"bind_to_port\": false, \"filter_chains\": [" +
        tcp(R"("weighted_clusters": {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 3}]})") + "]")));
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->listeners.size(), 1u) << remarks(*config);
    EXPECT_EQ(config->listeners[0].name, "192.0.2.1_7");
    EXPECT_EQ(config->listeners[0].route_config_name, "192.0.2.1_7");
    ASSERT_EQ(config->routes.size(), 1u);
    EXPECT_EQ(config->routes[0].name, "192.0.2.1_7");
}

TEST(ImportEnvoy, CamelCaseOfIstioctlIsTheSame) {
    const auto config = read(R"({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      "dynamicActiveClusters": [{"cluster": {"name": "e", "type": "EDS", "edsClusterConfig": {"serviceName": "s"}}}]},
      {"dynamicEndpointConfigs": [{"endpointConfig": {"clusterName": "s", "endpoints": [{"lbEndpoints": [
        {"endpoint": {"address": {"socketAddress": {"address": "192.0.2.9", "portValue": 80}}}, "healthStatus": "TIMEOUT"}]}]}}]}]})");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->clusters.size(), 1u);
    ASSERT_EQ(config->clusters[0].endpoints.size(), 1u);
    EXPECT_EQ(config->clusters[0].endpoints[0].health, model::Health::kUnhealthy);
}

TEST(ImportEnvoy, RoutesKeepWhatLeadsSomewhere) {
    const auto config =
        read(dump(kClusters + ", " + part("Routes", R"("dynamic_route_configs": [{"route_config": {"name": "9080",
      "virtual_hosts": [
        {"name": "block_all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 502}}]},
        {"name": "h", "domains": ["h", "H", "h:80"], "routes": [
          {"match": {"prefix": "/x"}, "route": {"cluster": "b"}},
          {"match": {"prefix": "/", "headers": [{"name": "q"}]}, "route": {"cluster": "b"}},
          {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [
            {"name": "a", "weight": 5}, {"name": "b", "weight": 0}, {"name": "a", "weight": 6}, {"name": "none", "weight": 6}]}}},
          {"match": {"prefix": "/y"}, "route": {"cluster": "b"}}]}]}},
      {"route_config": {"name": "inbound|9080||", "virtual_hosts": []}}])")));
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->routes.size(), 1u);
    ASSERT_EQ(config->routes[0].virtual_hosts.size(), 1u);
    const auto& host = config->routes[0].virtual_hosts[0];
    EXPECT_EQ(host.domains, (std::vector<std::string>{"h", "h:80"}));
    ASSERT_EQ(host.weighted_clusters.size(), 1u);
    EXPECT_EQ(host.weighted_clusters[0].weight, 11u);
    EXPECT_NE(remarks(*config).find("block_all: a virtual host that answers by itself"), std::string::npos);
    EXPECT_NE(remarks(*config).find("9080 -> none: "), std::string::npos) << remarks(*config);
}

TEST(ImportEnvoy, AnotherVersionIsNamed) {
    const auto config = read(R"({"configs": [{"@type": "type.googleapis.com/envoy.admin.v2alpha.ClustersConfigDump",
                              "dynamic_active_clusters": [{"cluster": {"name": "a", "type": "FANCY"}}]},
                              {"@type": "type.googleapis.com/envoy.admin.v4.ThingsConfigDump", "things": [1, {"x": [[]]}]}]})");
    ASSERT_TRUE(config) << config.error().message;
    const auto text = remarks(*config);
    EXPECT_NE(text.find("v2alpha"), std::string::npos) << text;
    EXPECT_NE(text.find("a: a cluster of type FANCY"), std::string::npos) << text;
}

// Aggregates may name each other, or themselves; what leads to them ends there instead of being followed.
TEST(ImportEnvoy, ClustersInACircle) {
    const auto aggregate = [](const std::string& name, const std::string& next) {
        return R"({"cluster": {"name": ")" + name +
               R"(", "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": {"clusters": [")" + next +
               "\"]}}}}";
    };
    const auto config =
        read(dump(part("Clusters", "\"dynamic_active_clusters\": [" + aggregate("x", "y") + ", " + aggregate("y", "x") +
                                       ", " + aggregate("z", "z") + "]") +
                  ", " +
                  part("Listeners", "\"dynamic_listeners\": [" +
                                        listener("\"name\": \"l\", \"address\": " + address("10.0.0.1", 80) +
                                                 ", \"filter_chains\": [" + tcp("\"cluster\": \"x\"") + "]") +
                                        "]")));
    ASSERT_TRUE(config) << config.error().message;
    const auto text = remarks(*config);
    EXPECT_NE(text.find("a cluster of type envoy.clusters.aggregate"), std::string::npos) << text;
    EXPECT_TRUE(config->clusters.empty());
}

TEST(ImportEnvoy, WhatIsWrongIsNamed) {
    const std::string huge(10'000'000, 'x');
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "JSON, byte "},
        {"<!DOCTYPE html><html>", "HTML; expected Envoy's config_dump"},
        {"[]", "a list; expected Envoy's config_dump"},
        {"7", "a lone value"},
        {"{}", "no \"configs\""},
        {"{\"configs\": {}}", "configs: an object; expected a list"},
        {"{\"configs\": [[]]}", "configs[0]: a list; expected an object"},
        {"{\"configs\": []} {}", "JSON, byte "},
        {listeners("5"), "configs[0].dynamic_listeners[0]: no object"},
        {listeners("[]"), "configs[0].dynamic_listeners[0]: a list"},
        {listeners("{}, " + listener("\"name\": 5")), "configs[0].dynamic_listeners[1]: name: 5; expected text"},
        {listeners(listener("\"name\": \"" + huge + "\"")), "name: \"xxxx"},
        {listeners(listener("\"name\": \"a\\nb\"")), "has control characters"},
        {listeners(listener("\"name\": \"\xff\"")), "ill-formed UTF-8"},
        {listeners(listener("\"name\": \"" + huge + "\xff\"")), "ill-formed UTF-8"},
        {listeners(listener("\"address\": [], \"name\": \"l\"")), "address: a list; expected an object"},
        {listeners(listener("\"address\": " + address("192.0.2.1", 70000))), "port_value: 70000; expected a number"},
        {listeners(listener("\"filter_chains\": {}")), "filter_chains: an object; expected a list"},
        {listeners(listener("\"use_original_dst\": \"yes\", \"address\": " + address("0.0.0.0", 1))),
         "expected true or false"},
        {dump(part("Clusters", "\"static_clusters\": {}")), "static_clusters[0]: an object; expected a list"},
        {dump(part(
             "Clusters",
             R"("static_clusters": [{"cluster": {"name": "a", "load_assignment": {"endpoints": [{"lb_endpoints": [4]}]}}}])")),
         "lb_endpoints: no object"},
        {listeners(std::string("{\"listener\": {\"match\":") + std::string(100000, '[')), "nested too deeply"},
        {"{\"other\":" + std::string(100000, '['), "JSON, byte "},
        {listeners("{\"weight\": 1e999}"), "number overflow"},
    };
    for (const auto& [text, message] : cases) {
        const auto config = read(text);
        ASSERT_FALSE(config) << message;
        EXPECT_EQ(config.error().code, base::ExitCode::kConfigInvalid) << message;
        EXPECT_NE(config.error().message.find(message), std::string::npos) << config.error().message.substr(0, 500);
        EXPECT_LT(config.error().message.size(), 500u) << message;
        EXPECT_EQ(config.error().message.find('\n'), std::string::npos);
    }
}

TEST(ImportEnvoy, WholeConfigurationOrNone) {
    const auto nothing = importer::from_envoy(std::move(*read(dump(kClusters))), "dump", {{"/mesh"}, "", {}});
    ASSERT_FALSE(nothing);
    EXPECT_NE(nothing.error().message.find("no listener with use_original_dst"), std::string::npos);
    const auto config = importer::from_envoy(
        std::move(*read(with_listeners(
            listener("\"name\": \"out\", \"use_original_dst\": true, \"address\": " + address("0.0.0.0", 15101))))),
        "dump", {{"/mesh"}, "/mesh/proxy", {}});
    EXPECT_EQ(line_of(config, "listen"), "0.0.0.0:15101");
    EXPECT_EQ(line_of(config, "uids"), "missing") << "a cgroup is given";
}

TEST(ClusterName, Split) {
    const auto name = base::split_cluster_name("outbound|9080|v1|reviews.default.svc.cluster.local");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->direction, "outbound");
    EXPECT_EQ(name->port, 9080);
    EXPECT_EQ(name->subset, "v1");
    EXPECT_EQ(name->fqdn, "reviews.default.svc.cluster.local");
    EXPECT_EQ(base::split_cluster_name("inbound|80||")->fqdn, "");
    for (const char* other : {"", "PassthroughCluster", "outbound|x||a", "outbound|80|a", "a|80||b",
                              "outbound|99999||a", "outbound||v1|a", "outbound|1|2|3|4"})
        EXPECT_FALSE(base::split_cluster_name(other)) << other;
}

}  // namespace
}  // namespace shunt::test
