// SPDX-License-Identifier: Apache-2.0
// shunt pc --kernel and pc diff against the tables of a running installation.
#include <arpa/inet.h>

#include <nlohmann/json.hpp>

#include "lifecycle_fixture.h"
#include "shunt/slots.h"

namespace shunt::harness {
namespace {

const std::string kConfig =
    "proxy: { listen: [0.0.0.0:15001], identity: { cgroup: /mesh/proxy } }\n"
    "capture: { cgroups: [/mesh], excludeOutboundPorts: [22] }\n"
    "listeners:\n"
    "  - { name: db, address: 10.96.7.7, port: 3306, direct: true, weightedClusters: [{ name: a, weight: 1 }, { name: "
    "b, weight: 3 }], totalWeight: 4 }\n"
    "  - { name: web, port: 9080, cluster: a }\n"
    "clusters:\n"
    "  - { name: a, endpoints: [{ address: 10.0.3.1:80, weight: 3 }, { address: 10.0.3.2:80, health: UNHEALTHY }] }\n"
    "  - { name: b, endpoints: [{ address: 10.0.3.4:80, weight: 4 }] }\n"
    "scopes:\n"
    "  - { name: pod, cgroups: [/mesh/app], listeners: [{ name: own, port: 7, cluster: b }] }\n";

class Pc : public Lifecycle {
protected:
    nlohmann::json pc(std::vector<std::string> rest, int code = 0) const {
        rest.insert(rest.begin(), "pc");
        rest.insert(rest.end(), {"-o", "json"});
        const auto ran = shunt(rest);
        EXPECT_EQ(ran.code, code) << to_text(ran);
        return nlohmann::json::parse(ran.out);
    }
};

void expect_tables(const nlohmann::json& listeners, const nlohmann::json& endpoints) {
    ASSERT_EQ(listeners.size(), 4u);
    EXPECT_EQ(listeners[0]["name"], "db");
    EXPECT_EQ(listeners[0]["kernel"], "balance");
    EXPECT_EQ(listeners[0]["clusters"][1]["cluster"], "b");
    EXPECT_EQ(listeners[0]["clusters"][1]["percent"], 75.0);
    EXPECT_EQ(listeners[1]["name"], "web");
    EXPECT_EQ(listeners[1]["kernel"], "redirect");
    EXPECT_EQ(listeners[2]["name"], "virtualOutbound");
    EXPECT_EQ(listeners[3]["scope"], "pod");
    EXPECT_EQ(listeners[3]["name"], "own");
    ASSERT_EQ(endpoints.size(), 2u) << "healthy ones";
    EXPECT_EQ(endpoints[0]["endpoint"], "10.0.3.1:80");
    EXPECT_EQ(endpoints[0]["weight"], 3);
    EXPECT_EQ(endpoints[0]["cluster"], "a");
}

TEST_F(Pc, KernelWithTheControllersNamesAndWithoutAny) {
    RunningShunt running(sandbox_, kConfig);
    expect_tables(pc({"listeners", "--kernel"}), pc({"endpoints", "--kernel"}));
    EXPECT_EQ(pc({"routes", "--kernel"}), nlohmann::json::array());
    EXPECT_EQ(pc({"clusters"}).size(), 2u) << "the controller's file is the default";
    running.stop();
    const auto bare = pc({"listeners", "--kernel"});
    ASSERT_EQ(bare.size(), 4u);
    EXPECT_TRUE(bare[0]["name"].get<std::string>().starts_with("0x")) << bare.dump();
    EXPECT_TRUE(bare[0]["clusters"][0]["cluster"].get<std::string>().starts_with("0x")) << bare.dump();
    EXPECT_EQ(bare[0]["clusters"][1]["percent"], 75.0);
    const auto scope = bare[3]["scope"].get<std::string>();
    EXPECT_TRUE(scope.starts_with('/') && scope.ends_with("/app")) << bare.dump();
    const auto file = running.config_path();
    expect_tables(pc({"listeners", "--kernel", "-c", file}), pc({"endpoints", "--kernel", "-c", file}));
}

TEST_F(Pc, ExplainGoesOnToWhatTheKernelHolds) {
    RunningShunt running(sandbox_, kConfig);
    const auto explain = [&](const std::string& destination) {
        const auto ran = shunt({"explain", "--kernel", "-o", "json", destination});
        EXPECT_EQ(ran.code, 0) << to_text(ran);
        return nlohmann::json::parse(ran.out);
    };
    const auto db = explain("10.96.7.7:3306");
    EXPECT_EQ(db["verdict"], "balance") << db.dump();
    EXPECT_EQ(db["listener"], "db");
    ASSERT_EQ(db["clusters"].size(), 2u);
    EXPECT_EQ(db["clusters"][1]["name"], "b");
    EXPECT_EQ(db["clusters"][1]["percent"], 75.0);
    EXPECT_EQ(db["clusters"][1]["endpoints"][0]["address"], "10.0.3.4:80");
    const auto web = explain("10.0.3.9:9080");
    EXPECT_EQ(web["listener"], "web") << web.dump();
    EXPECT_TRUE(web["clusters"].empty()) << "the proxy's business";
    running.stop();
    const auto bare = explain("10.96.7.7:3306");
    EXPECT_TRUE(bare["listener"].get<std::string>().starts_with("0x")) << bare.dump();
    EXPECT_EQ(bare["clusters"][1]["endpoints"][0]["address"], "10.0.3.4:80");
}

TEST_F(Pc, DiffSaysWhatIsNotInForce) {
    RunningShunt running(sandbox_, kConfig);
    EXPECT_EQ(pc({"diff"}), nlohmann::json::array());
    auto edited = kConfig;
    edited.replace(edited.find("health: UNHEALTHY"), 17, "health: HEALTHY");
    edited.replace(edited.find("[22]"), 4, "[23]");
    running.write_config(edited);
    std::set<std::string> found;
    for (const auto& item : pc({"diff"}, 1))
        found.insert(item["what"].get<std::string>() + " " + item["key"].get<std::string>());
    EXPECT_EQ(found, (std::set<std::string>{"port 22/tcp", "port 23/tcp", "endpoint a 10.0.3.2:80", "cluster a"}));
    running.reload(edited);
    EXPECT_EQ(pc({"diff"}), nlohmann::json::array());
    edited.replace(edited.find("name: pod"), 9, "name: pod, onInternalError: bypass");
    running.write_config(edited);
    const auto item = pc({"diff"}, 1).at(0);
    EXPECT_EQ(item["what"], "scope");
    const auto key = item["key"].get<std::string>();
    EXPECT_TRUE(key.starts_with('/') && key.ends_with("/app flags")) << item.dump();
}

// Banks take turns with each reload. What was counted stays: with entries that do not change, with one that is written
// anew in its place, with one that moves to a larger table, and over a controller that was killed.
TEST_F(Pc, HitsAreTheConnectionsMade) {
    const auto config = [](int weight_of_a, int more) {
        auto text =
            "proxy: { listen: [0.0.0.0:15001], identity: { cgroup: /mesh/proxy } }\n"
            "capture: { cgroups: [/mesh] }\n"
            "clusters:\n"
            "  - { name: a, endpoints: [{ address: 10.0.3.1:80, weight: " +
            std::to_string(weight_of_a) +
            " }] }\n"
            "  - { name: b, endpoints: [{ address: 10.0.3.4:80 }] }\n"
            "listeners:\n"
            "  - { name: db, address: 10.96.7.7, port: 3306, direct: true, totalWeight: " +
            std::to_string(weight_of_a + 3) + ", weightedClusters: [{ name: a, weight: " + std::to_string(weight_of_a) +
            " }, { name: b, weight: 3 }] }\n  - { name: web, port: 9080, cluster: a }\n";
        for (int i = 0; i < more; ++i)
            text += "  - { name: l" + std::to_string(i) + ", port: " + std::to_string(20000 + i) + ", cluster: b }\n";
        return text;
    };
    const DirectServer server(sandbox_, {80});
    const ProbeProxy proxy(sandbox_);
    RunningShunt running(sandbox_, config(1, 0));
    Dialer dialer(sandbox_.app());
    std::uint64_t db = 0, web = 0;
    const auto expect_hits = [&](std::uint64_t db_more, std::uint64_t web_more) {
        if (db_more > 0) dialer.run({.destinations = {"10.96.7.7:3306"}, .count = db_more, .verify = false});
        if (web_more > 0) dialer.run({.destinations = {"10.1.2.3:9080"}, .count = web_more, .verify = false});
        db += db_more;
        web += web_more;
        std::map<std::string, nlohmann::json> hits;
        for (const auto& row : pc({"listeners", "--kernel", "-c", running.config_path()}))
            hits[row["name"]] = row["hits"];
        EXPECT_EQ(hits["db"], db);
        EXPECT_EQ(hits["web"], web);
        EXPECT_EQ(hits["virtualOutbound"], nullptr) << "counted by reason";
        std::uint64_t sent = 0;
        for (const auto& row : pc({"clusters", "--kernel"})) sent += row["hits"].get<std::uint64_t>();
        EXPECT_EQ(sent, db) << "of the clusters";
    };
    expect_hits(40, 5);
    dialer.run({.destinations = {"10.1.2.3:81"}, .count = 3, .verify = false});  // no listener's
    running.reload(config(1, 1));
    expect_hits(10, 1);  // in the other bank
    running.reload(config(5, 1));
    expect_hits(2, 0);  // entries written anew
    running.reload(config(5, 100));
    expect_hits(0, 3);  // a larger table
    running.reload(config(5, 101));
    expect_hits(1, 1);  // in both banks
    running.kill9();
    expect_hits(4, 0);
    running.start();
    expect_hits(1, 1);
    EXPECT_EQ(pc({"diff"}), nlohmann::json::array()) << "hits are no difference";
    for (const auto& row : pc({"listeners"})) EXPECT_EQ(row["hits"], nullptr) << "of a configuration";
}

// 30 listeners whose hashes name the same slot of 64, then more than the programs probe: the table grows for them. The
// kernel refuses what no listener claims, so a listener that is not found is seen.
TEST_F(Pc, ListenersThatCollideAreFound) {
    const auto colliding = [](std::size_t count, std::uint32_t mask) {
        std::vector<std::string> addresses;
        for (std::uint32_t i = 0; addresses.size() < count; ++i) {
            shunt_listener_words as{};
            as.key.addr.words_be[2] = htonl(0xffff);
            as.key.addr.words_be[3] = htonl(0x0a600000 + i);
            as.key.port_be = htons(80);
            if ((shunt_listener_hash(as.words[0], as.words[1], as.words[2]) & mask) != mask) continue;
            addresses.push_back("10.96." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255));
        }
        return addresses;
    };
    const auto config = [](const std::vector<std::string>& addresses) {
        std::string text =
            "proxy: { listen: [0.0.0.0:15001], identity: { cgroup: /mesh/proxy } }\n"
            "capture: { cgroups: [/mesh] }\n"
            "outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }\n"
            "clusters:\n  - { name: a, endpoints: [{ address: 10.0.3.1:80 }] }\nlisteners:\n";
        for (const auto& address : addresses)
            text += "  - { name: " + address + ", address: " + address + ", port: 80, cluster: a }\n";
        return text;
    };
    const auto few = colliding(30, 63), many = colliding(SHUNT_LISTENER_PROBES + 10, 255);
    const ProbeProxy proxy(sandbox_, {.listen = {"0.0.0.0:15001"}, .verify = true});
    RunningShunt running(sandbox_, config(few));
    Dialer dialer(sandbox_.app());
    std::map<std::string, int> made;
    const auto all_claimed = [&](const std::vector<std::string>& addresses) {
        for (const auto& address : addresses) {
            EXPECT_EQ(dialer.run({.destinations = {address + ":80"}}).ok, 1u) << address;
            ++made[address];
        }
        for (const auto& row : pc({"listeners", "--kernel", "-c", running.config_path()}))
            EXPECT_TRUE(row["name"] == "virtualOutbound" || row["hits"] == made[row["address"]]) << row.dump();
    };
    all_claimed(few);
    const auto next = colliding(31, 63).back();
    EXPECT_EQ(dialer.run({.destinations = {next + ":80"}, .verify = false}).errors["connect ECONNREFUSED"], 1u)
        << "of the same slot, but no listener's";
    running.reload(config(many));
    all_claimed(many);
}

}  // namespace
}  // namespace shunt::harness
