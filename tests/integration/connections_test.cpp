// SPDX-License-Identifier: Apache-2.0
// `shunt connections` against connections that the test holds open itself.
#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

using nlohmann::json;

class Connections : public testing::Test {
protected:
    Connections()
        : server_(sandbox_, {80}),
          proxy_(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true, .hold = true}) {}

    json list(const RunningShunt& shunt, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"connections", "-o", "json"});
        return json::parse(shunt.command(more));
    }
    static const json* find(const json& rows, const std::string& original) {
        for (const auto& row : rows)
            if (row.at("original") == original) return &row;
        return nullptr;
    }
    // A pinned iterator, read in the application's network namespace.
    std::string cat_iterator(const std::string& name) const {
        for (const auto& layout : std::filesystem::directory_iterator(sandbox_.pin_dir()))
            return run_command(sandbox_.client_side(), {"cat", layout.path() / "iter" / name});
        throw std::runtime_error("nothing is pinned in " + sandbox_.pin_dir());
    }
    static auto line_count(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
    // The kernel's long form of an IPv6 address: [2001:db8::1]:80 -> [2001:0db8:...:0001]:80.
    static std::string spelled_out(const std::string& endpoint) {
        if (!endpoint.starts_with("[")) return endpoint;
        const auto end = endpoint.find(']');
        std::array<unsigned char, 16> bytes{};
        inet_pton(AF_INET6, endpoint.substr(1, end - 1).c_str(), bytes.data());
        std::string text;
        for (std::size_t i = 0; i < bytes.size(); i += 2) {
            std::array<char, 8> group{};
            std::snprintf(group.data(), group.size(), "%s%02x%02x", i == 0 ? "" : ":", bytes[i], bytes[i + 1]);
            text += group.data();
        }
        return "[" + text + "]" + endpoint.substr(end + 1);
    }
    std::string below(const std::string& path) const { return path.substr(cgroup2_mount().size()); }

    const Sandbox sandbox_;
    const DirectServer server_;
    const ProbeProxy proxy_;
};

TEST_F(Connections, EachLaneAndFamilyWithEveryColumn) {
    const RunningShunt shunt(sandbox_, edge_config("auto"));
    EXPECT_EQ(list(shunt), json::array());
    const std::vector<std::tuple<std::string, Family, std::string, std::string>> cases{
        {"10.9.9.9:80", Family::kV4, "", "address"},
        {"203.0.113.7:9080", Family::kMapped, "", "address"},
        {"[2001:db8:9::9]:80", Family::kV6, "", "record"},
        {"10.9.9.8:81", Family::kV4, std::string(kClientV4) + ":0", "dict"}};
    std::vector<std::unique_ptr<Dialer>> dialers;
    for (const auto& [destination, family, source, lane] : cases) {
        dialers.push_back(std::make_unique<Dialer>(sandbox_.app()));
        const auto result =
            dialers.back()->run({.destinations = {destination}, .family = family, .source = source, .hold = true});
        ASSERT_EQ(result.ok, 1u) << destination << " " << to_text(result);
    }
    const auto rows = list(shunt);
    EXPECT_EQ(rows.size(), cases.size()) << rows.dump(1);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto& [destination, family, source, lane] = cases[i];
        const auto* row = find(rows, destination);
        ASSERT_NE(row, nullptr) << destination << " in " << rows.dump(1);
        EXPECT_EQ(row->at("lane"), lane);
        EXPECT_EQ(row->at("state"), "ESTABLISHED");
        EXPECT_EQ(row->at("pid"), dialers[i]->pid());
        EXPECT_FALSE(row->at("command").get<std::string>().empty());
        EXPECT_TRUE(row->at("proxy").get<std::string>().ends_with(":15001")) << row->dump();
        if (row->at("cgroup").is_null())
            ADD_FAILURE() << "this kernel does not tell a socket's cgroup";
        else
            EXPECT_EQ(row->at("cgroup"), below(sandbox_.app_cgroup()));
        EXPECT_EQ(row->at("ageSeconds").is_null(), lane != "record") << row->dump();
    }
    EXPECT_EQ(list(shunt, {"--port", "80"}).size(), 2u);
    EXPECT_EQ(list(shunt, {"--to", "10.0.0.0/8"}).size(), 2u);
    EXPECT_EQ(list(shunt, {"--to", "10.9.9.8:81"}).size(), 1u);
    EXPECT_EQ(list(shunt, {"--pid", std::to_string(dialers[2]->pid())}).size(), 1u);
    EXPECT_EQ(list(shunt, {"--cgroup", sandbox_.app_cgroup()}).size(), cases.size());
    EXPECT_EQ(list(shunt, {"--cgroup", sandbox_.proxy_cgroup()}).size(), 0u);
    EXPECT_EQ(list(shunt, {"--count"}).at("connections"), cases.size());
    const auto table = shunt.command({"connections"});
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), static_cast<std::ptrdiff_t>(cases.size()) + 1) << table;

    // The same through the pinned iterators, without shunt: what is of the reader's namespace, and all records.
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto& [destination, family, source, lane] = cases[i];
        const auto text = cat_iterator(lane == "record" ? "records" : "connections");
        const auto* row = find(rows, destination);
        const auto line = lane + " ESTABLISHED " + spelled_out(row->at("source")) + " " + spelled_out(destination) +
                          " " + spelled_out(row->at("proxy")) + "\n";
        EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
        EXPECT_EQ(cat_iterator(lane == "record" ? "connections" : "records").find(line), std::string::npos);
    }
    EXPECT_EQ(line_count(cat_iterator("connections")), 4) << cat_iterator("connections");
    EXPECT_EQ(line_count(cat_iterator("records")), 2) << cat_iterator("records");

    dialers.clear();
    for (int i = 0; i < 100 && list(shunt) != json::array(); ++i) usleep(50000);
    EXPECT_EQ(list(shunt), json::array());
}

TEST_F(Connections, TheRecordLaneOnIpv4) {
    const RunningShunt shunt(sandbox_, edge_config("record"));
    Dialer dialer(sandbox_.app());
    ASSERT_EQ(dialer.run({.destinations = {"10.9.9.9:80", "10.9.9.9:81"}, .count = 20, .hold = true}).ok, 20u);
    const auto rows = list(shunt);
    EXPECT_EQ(rows.size(), 20u);
    for (const auto& row : rows) EXPECT_EQ(row.at("lane"), "record");
    EXPECT_EQ(list(shunt, {"--port", "81"}).size(), 10u);
}

// What is not redirected is not listed: excluded destinations, and the proxy's own connections.
TEST_F(Connections, OthersAreLeftOut) {
    const RunningShunt shunt(sandbox_, edge_config("auto"));
    const ProbeProxy elsewhere(sandbox_.server_side(), {.listen = {"0.0.0.0:81"}, .verify = true, .hold = true});
    Dialer app(sandbox_.app()), proxy(sandbox_.proxy());
    app.run({.destinations = {"198.51.100.7:81"}, .hold = true});
    proxy.run({.destinations = {"10.9.9.9:81"}, .hold = true});
    EXPECT_EQ(shunt.counters().reasons.at("excluded_cidr"), 1u);
    EXPECT_EQ(shunt.counters().reasons.at("proxy_cgroup"), 1u);
    EXPECT_EQ(list(shunt), json::array());
}

TEST_F(Connections, WithoutAControllerAndWhileItRestarts) {
    RunningShunt shunt(sandbox_, edge_config("auto"));
    Dialer dialer(sandbox_.app());
    ASSERT_EQ(dialer.run({.destinations = {"10.9.9.9:80"}, .count = 50, .hold = true}).ok, 50u);
    shunt.kill9();
    EXPECT_EQ(list(shunt).size(), 50u);
    shunt.start();
    for (int i = 0; i < 5; ++i) {
        shunt.reload(edge_config("auto", i % 2 == 0 ? "  excludeOutboundPorts: [22]\n" : ""));
        EXPECT_EQ(list(shunt).size(), 50u);
    }
}

// Another network namespace below the same cgroup has its own connections, also with the same addresses.
TEST_F(Connections, AllNetworkNamespaces) {
    const RunningShunt shunt(sandbox_, edge_config("auto"));
    const auto second = sandbox_.second_client_netns();
    const ProbeProxy there({.netns = second, .cgroup = sandbox_.proxy_cgroup()},
                           {.listen = {"0.0.0.0:15001"}, .verify = true, .hold = true});
    Dialer one(sandbox_.app()), two({.netns = second, .cgroup = sandbox_.app_cgroup()});
    ASSERT_EQ(one.run({.destinations = {"10.9.9.9:80"}, .hold = true}).ok, 1u);
    ASSERT_EQ(two.run({.destinations = {"10.9.9.9:80"}, .count = 2, .hold = true}).ok, 2u);
    EXPECT_EQ(list(shunt).size(), 3u);
    EXPECT_EQ(list(shunt, {"--pid", std::to_string(two.pid())}).size(), 2u);
}

}  // namespace
}  // namespace shunt::harness
