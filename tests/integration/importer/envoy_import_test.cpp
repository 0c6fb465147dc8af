// SPDX-License-Identifier: Apache-2.0
// `shunt import envoy` against dumps of a real Envoy, taken while the test runs.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/sandbox.h"
#include "harness/shunt.h"
#include "importer/sidecar_envoy.h"

namespace shunt::importer_test {
namespace {

using harness::run_command;
using harness::Sandbox;
using nlohmann::json;

class EnvoyImport : public testing::Test {
protected:
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(sandbox_.directory() + "/" + name, std::ios::binary) << text;
        return sandbox_.directory() + "/" + name;
    }
    std::string import(const std::string& source) const {
        return run_command(sandbox_.client_side(),
                           {harness::shunt_binary(), "import", "envoy", "--cgroup", "/mesh", source});
    }
    // Exit code, and what it says.
    std::pair<int, std::string> refused(const std::string& source) const {
        const auto text = run_command(
            sandbox_.client_side(),
            {"sh", "-c", "\"$0\" import envoy \"$1\" 2>&1 >/dev/null; echo \"$?\"", harness::shunt_binary(), source});
        const auto line = text.rfind('\n', text.size() - 2);
        return {std::stoi(text.substr(line + 1)), text.substr(0, line + 1)};
    }
    json explain(const std::string& config, const std::string& destination) const {
        return json::parse(run_command(
            {}, {harness::shunt_binary(), "explain", "-c", config, "-o", "json", "--uid", "1000", destination}));
    }

    Sandbox sandbox_;
};

TEST_F(EnvoyImport, BookinfoAsItRuns) {
    const SidecarEnvoy envoy(sandbox_, "PassthroughCluster");
    const auto text = import(kAdmin);
    const auto config = file("imported.yaml", text);
    run_command({}, {harness::shunt_binary(), "check", "-c", config});

    EXPECT_NE(text.find("listen: 0.0.0.0:15001  # virtualOutbound of sidecar~192.0.2.2~productpage"), std::string::npos)
        << text;
    EXPECT_NE(text.find("mode: ALLOW_ANY  # catch-all: PassthroughCluster"), std::string::npos) << text;
    EXPECT_EQ(text.find("inbound"), std::string::npos) << text;

    const auto reviews = explain(config, "198.51.100.6:9080");
    EXPECT_EQ(reviews["verdict"], "redirect");
    EXPECT_EQ(reviews["reason"], "port_listener");
    EXPECT_EQ(reviews["listener"], "0.0.0.0_9080");
    EXPECT_EQ(reviews["route"], "9080");
    ASSERT_EQ(reviews["clusters"].size(), 3u) << reviews;
    const int weights[] = {10, 40, 50};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(reviews["clusters"][i]["name"],
                  "outbound|9080|v" + std::to_string(i + 1) + "|reviews.default.svc.cluster.local");
        EXPECT_EQ(reviews["clusters"][i]["weight"], weights[i]);
    }
    EXPECT_EQ(explain(config, "198.51.100.8:9080")["clusters"][0]["name"],
              "outbound|9080||details.default.svc.cluster.local");
    const auto mysql = explain(config, "198.51.100.33:3306");
    EXPECT_EQ(mysql["listener"], "198.51.100.33_3306");
    EXPECT_EQ(mysql["clusters"][0]["name"], "outbound|3306||mysql.default.svc.cluster.local");
    EXPECT_EQ(explain(config, "198.51.100.34:3306")["listener"], nullptr);
    EXPECT_EQ(explain(config, "203.0.113.80:443")["route"], "0.0.0.0_443");

    // Endpoints with weight and health, as Envoy itself holds them: what was DRAINING to discovery is UNHEALTHY there.
    for (const char* line : {"{ address: 192.0.2.40:3306, weight: 2, health: HEALTHY }",
                             "{ address: 192.0.2.50:3306, weight: 1, health: UNHEALTHY }",
                             "{ address: 192.0.2.52:9080, weight: 1, health: UNHEALTHY }",
                             "{ address: \"[2001:db8::31]:9080\", weight: 3, health: HEALTHY }",
                             "{ address: 203.0.113.80:443, weight: 1, health: HEALTHY }"})
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(EnvoyImport, BlackHoleIsRegistryOnly) {
    const SidecarEnvoy envoy(sandbox_, "BlackHoleCluster");
    const auto text = import(kAdmin);
    EXPECT_NE(text.find("mode: REGISTRY_ONLY  # catch-all: BlackHoleCluster"), std::string::npos) << text;
}

TEST_F(EnvoyImport, FileCompressedFileAndAdminPortSayTheSame) {
    const SidecarEnvoy envoy(sandbox_, "PassthroughCluster");
    const auto from_admin = import(kAdmin);
    const auto dump = file("dump.json", envoy.dump());
    EXPECT_EQ(import(dump), from_admin);
    run_command({}, {"gzip", "-k", dump});
    EXPECT_EQ(import(dump + ".gz"), from_admin);
    EXPECT_EQ(import("http://127.0.0.1:15000/config_dump?include_eds"), from_admin);
    const auto [code, words] = refused("http://127.0.0.1:15000/");
    EXPECT_EQ(code, 0) << words;
    EXPECT_EQ(refused("http://127.0.0.1:15000/nothing").first, 1);
    EXPECT_EQ(refused("http://127.0.0.1:15000/help").first, 3);
}

// Of half a dump nothing is taken, wherever it is cut.
TEST_F(EnvoyImport, CutDumpsAreRefused) {
    const SidecarEnvoy envoy(sandbox_, "PassthroughCluster");
    const auto whole = envoy.dump();
    ASSERT_GT(whole.size(), 10000u);
    for (std::size_t part = 1; part < 20; ++part) {
        const auto [code, words] = refused(file("cut.json", whole.substr(0, whole.size() * part / 20)));
        EXPECT_EQ(code, 3) << part << "\n" << words;
        EXPECT_NE(words.find("cut.json: JSON, byte "), std::string::npos) << words;
    }
    run_command({}, {"gzip", "-k", file("whole.json", whole)});
    std::ifstream compressed(sandbox_.directory() + "/whole.json.gz", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(compressed), {}};
    const auto [code, words] = refused(file("cut.json.gz", bytes.substr(0, bytes.size() * 2 / 3)));
    EXPECT_EQ(code, 3);
    EXPECT_NE(words.find("gzip: the file ends early"), std::string::npos) << words;
}

}  // namespace
}  // namespace shunt::importer_test
