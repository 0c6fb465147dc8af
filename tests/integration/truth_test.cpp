// SPDX-License-Identifier: Apache-2.0
// The truth table through real connects: once with the hook off, once with shunt, for each configuration.
// "Direct" is what the server on the real address says, "proxied" is what the proxy was told.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "base/names.h"
#include "harness/dial.h"
#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"
#include "kernel/map.h"
#include "telemetry/counters.h"
#include "truth/table.h"

namespace shunt::harness {
namespace {

const std::string kTruth = SHUNT_TRUTH;

// Read once: in a guest all configurations are one process.
const std::vector<truth::Row>& table() {
    static const auto rows = truth::read_table(kTruth, kClientV4, kClientV6);
    return rows;
}

std::vector<truth::Row> rows_of(const std::string& config) {
    auto rows = table();
    std::erase_if(rows, [&](const auto& row) { return row.config != config; });
    return rows;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> listen_of(const std::string& config) {
    const auto listen = YAML::Load(config)["proxy"]["listen"];
    return listen.IsSequence() ? listen.as<std::vector<std::string>>() : std::vector{listen.as<std::string>()};
}

Dial dial_of(const truth::Row& row) {
    Dial dial{.destination = row.destination};
    dial.family = row.socket == "mapped"                       ? Family::kMapped
                  : row.socket == "v6" || row.socket == "udp6" ? Family::kV6
                                                               : Family::kV4;
    dial.type = row.tcp() ? SOCK_STREAM : SOCK_DGRAM;
    dial.mark = row.mark;
    dial.source = row.source;
    // The kernel calls no bind hook for an address alone, so that shunt takes such a source of the encoded form for one
    // of its own: no forgery (edge_bind_test.cpp), but another reason than the table's. Everyday bind() it is.
    dial.early_port = row.source.rfind("127.", 0) == 0 && row.source.rfind("127.0.0.", 0) != 0;
    dial.device = row.device;
    // Only what passes may be meant to time out; everything else comes in the end, however slow the machine.
    dial.timeout_ms = row.verdict == "bypass" ? 1000 : 30'000;
    return dial;
}

Placement place_of(const Sandbox& sandbox, const truth::Row& row) {
    auto place = row.in_proxy_cgroup ? sandbox.proxy() : sandbox.app();
    place.uid = row.uid;
    place.gid = row.gid;
    return place;
}

// Two connections are the same but for the port the kernel chose for the client.
std::string comparable(const Outcome& outcome) {
    auto line = outcome.line;
    for (const std::string word : {" from ", " peer "}) {
        const auto at = line.find(word);
        if (at == std::string::npos) continue;
        const auto end = std::min(line.find(' ', at + word.size()), line.size());
        const auto colon = line.rfind(':', end);
        if (colon > at) line.erase(colon, end - colon);
    }
    return std::to_string(outcome.error) + " " + line + " " + outcome.peer;
}

std::string dialled(const truth::Row& row) { return to_text(for_family(parse(row.destination), dial_of(row).family)); }

void expect_redirected(const truth::Row& row, const Outcome& outcome) {
    EXPECT_EQ(outcome.error, 0) << error_name(outcome.error);
    EXPECT_EQ(outcome.line.rfind("proxy " + dialled(row) + " peer ", 0), 0u) << to_text(outcome);
    EXPECT_EQ(outcome.peer, dialled(row)) << "getpeername";
}

// To the one healthy endpoint of the destination's family, in configs/direct*.yaml.
void expect_balanced(const truth::Row& row, const Outcome& outcome) {
    const std::string endpoint = row.socket == "v6" ? "[2001:db8:3::40]:3306" : "10.0.3.40:3306";
    EXPECT_EQ(outcome.line.rfind("direct " + endpoint + " from ", 0), 0u) << to_text(outcome);
    EXPECT_EQ(outcome.peer, dialled(row)) << "getpeername";
}

void expect_refused(const Outcome& outcome, const truth::Row& row) {
    const int expected = row.reason == "loopback_source" ? EINVAL : ECONNREFUSED;
    EXPECT_TRUE(outcome.error == expected || outcome.error == EPERM) << to_text(outcome);
}

// What `shunt counters` says, without starting a process for each row.
Counters read_counters(const std::string& directory) {
    const auto read = telemetry::read_counters_in(directory);
    if (!read) throw std::runtime_error(read.error().message);
    Counters counters;
    for (const auto& [reason, count] : read->reasons) counters.reasons[std::string(base::name(reason))] = count;
    for (const auto& [lane, count] : read->lanes) counters.lanes[std::string(base::name(lane))] = count;
    for (const auto& [event, count] : read->events) counters.events[std::string(base::name(event))] = count;
    counters.runs = read->runs();
    return counters;
}

// One counter of a pinned map: all of them, after each row, were half the system calls of this test. The map is not
// kept open: a caller that is forked meanwhile would keep it too.
template <class Value>
std::uint64_t count_in(const std::string& path, std::uint32_t index) {
    const auto map = kernel::RawMap::open_pinned(path);
    const auto bytes = map ? kernel::lookup_per_cpu(*map, index) : tl::unexpected<base::Error>(map.error());
    if (!bytes) throw std::runtime_error(bytes.error().message);
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at + sizeof(Value) <= bytes->size(); at += sizeof(Value)) {
        Value value{};
        std::memcpy(&value, bytes->data() + at, sizeof value);
        sum += value.count;
    }
    return sum;
}

template <class Enum>
std::uint32_t number_of(const std::string& name, Enum last) {
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(last); ++i)
        if (base::name(static_cast<Enum>(i)) == name) return i;
    throw std::runtime_error("no such name: " + name);
}

// The one directory there is named after the ABI.
std::string pinned_below(const std::string& root) {
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
        if (entry.is_directory()) return entry.path();
    }
    throw std::runtime_error("nothing is pinned below " + root);
}

std::vector<std::uint16_t> ports_of(const std::vector<truth::Row>& rows) {
    std::set<std::uint16_t> ports;
    for (const auto& row : rows) {
        if (const auto port = parse(row.destination).port(); port != 0) ports.insert(static_cast<std::uint16_t>(port));
    }
    return {ports.begin(), ports.end()};
}

// One for all configurations that a process runs. With ctest that is one; in a guest of vmtest, where starting shunt
// takes 7 s of the verifier and of an emulated processor, it is all of them, one reload after the other.
struct World {
    const Sandbox sandbox;
    const DirectServer server{sandbox, ports_of(table())};
    Callers callers;
    std::unique_ptr<RunningShunt> shunt;
};

class Truth : public testing::TestWithParam<std::string> {
protected:
    static void TearDownTestSuite() { world_.reset(); }

    // Servers on every port of the table, on the real addresses and on the client's own ones.
    void start_servers(const std::vector<truth::Row>& rows, const std::string& config) {
        auto ports = ports_of(rows);
        const auto listen = listen_of(config);
        for (const auto& address : listen) {
            std::erase(ports, static_cast<std::uint16_t>(parse(address).port()));
        }
        local_ = std::make_unique<DirectServer>(sandbox_.client_side(), ports, "local");
        if (GetParam().rfind("down-", 0) != 0) {
            proxy_ = std::make_unique<ProbeProxy>(sandbox_, ProbeOptions{.listen = listen});
        }
    }

    const RunningShunt& run_shunt(const std::string& config) {
        auto& shunt = world().shunt;
        if (shunt) {
            shunt->reload(config);
        } else {
            shunt = std::make_unique<RunningShunt>(sandbox_, config);
        }
        return *shunt;
    }

    static World& world() {
        if (!world_) world_ = std::make_unique<World>();
        return *world_;
    }

    const Sandbox& sandbox_ = world().sandbox;
    std::unique_ptr<DirectServer> local_;
    std::unique_ptr<ProbeProxy> proxy_;

    static inline bool said_ = false;

private:
    static inline std::unique_ptr<World> world_;
};

TEST_P(Truth, RealConnects) {
    const auto rows = rows_of(GetParam());
    ASSERT_FALSE(rows.empty());
    const auto config = read_text(kTruth + "/configs/" + GetParam() + ".yaml");
    start_servers(rows, config);

    std::vector<Outcome> off;
    for (const auto& row : rows) {
        auto place = place_of(sandbox_, row);
        place.cgroup.clear();  // not captured, should shunt be there already
        off.push_back(world().callers.dial(place, dial_of(row)));
        // On a slow machine the first packets of a new pair of interfaces are lost: what timed out is asked again.
        if (off.back().error == EINPROGRESS) off.back() = world().callers.dial(place, dial_of(row));
    }

    const RunningShunt& shunt = run_shunt(config);
    const auto pins = pinned_below(sandbox_.pin_dir());
    const auto before = read_counters(pins);
    Counters expected;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        SCOPED_TRACE(row.text());
        const auto on = world().callers.dial(place_of(sandbox_, row), dial_of(row));

        const auto reasons = before.reasons.at(row.reason) + ++expected.reasons[row.reason];
        const auto lanes = row.lane == "none" ? 0 : before.lanes.at(row.lane) + ++expected.lanes[row.lane];
        const auto reason = number_of(row.reason, SHUNT_REASON_MAX), lane = number_of(row.lane, SHUNT_LANE_MAX);
        if (count_in<shunt_counter>(pins + "/shunt_counters", reason) != reasons ||
            count_in<shunt_lane_counter>(pins + "/shunt_lanes", lane) != lanes) {
            const auto counted = read_counters(pins).since(before);
            EXPECT_EQ(to_text(counted.reasons), to_text(expected.reasons)) << "with the rows before";
            EXPECT_EQ(to_text(counted.lanes), to_text(expected.lanes)) << "with the rows before";
            FAIL() << "not one more of " << row.reason << " and " << row.lane;
        }
        if (row.verdict == "redirect") {
            expect_redirected(row, on);
            EXPECT_NE(comparable(on), comparable(off[i])) << "the same with the hook off: this row shows nothing";
        } else if (row.verdict == "balance") {
            expect_balanced(row, on);
            EXPECT_NE(comparable(on), comparable(off[i])) << "the same with the hook off: this row shows nothing";
        } else if (row.verdict == "refuse") {
            expect_refused(on, row);
        } else {
            EXPECT_EQ(comparable(on), comparable(off[i])) << to_text(on) << "\nwith the hook off: " << to_text(off[i]);
            EXPECT_EQ(on.line.rfind("proxy ", 0) == 0, off[i].line.rfind("proxy ", 0) == 0);
        }
    }
    // Each row has counted what it says, and none of them anything else.
    const auto after = read_counters(pins), counted = after.since(before);
    EXPECT_EQ(to_text(counted.reasons), to_text(expected.reasons));
    EXPECT_EQ(to_text(counted.lanes), to_text(expected.lanes));
    EXPECT_EQ(after.sum_of_reasons(), after.runs);
    if (said_) return;  // a process of its own, once for each of this one
    said_ = true;
    const auto said = shunt.counters();
    EXPECT_EQ(to_text(said.reasons), to_text(after.reasons));
    EXPECT_EQ(to_text(said.lanes), to_text(after.lanes));
}

INSTANTIATE_TEST_SUITE_P(Table, Truth, testing::ValuesIn(truth::configs_of(table())),
                         [](const auto& config) { return truth::replace_all(config.param, "-", "_"); });

// The harness as a judge: without shunt every destination out there says "direct", no row ends at the proxy by itself
// unless it dials the proxy's own address, and the proxy knows of no original destination.
TEST(TruthBaseline, WithTheHookOffNothingIsRedirected) {
    const Sandbox sandbox;
    const auto rows = rows_of("dual");
    const DirectServer server(sandbox, {80, 9080, 15001});
    const ProbeProxy proxy(sandbox, {.listen = {"0.0.0.0:15001", "[::]:15001"}});
    Callers callers;
    int direct = 0;
    for (const auto& row : rows) {
        const auto port = parse(row.destination).port();
        if (row.verdict != "redirect" || (port != 80 && port != 9080 && port != 15001)) continue;
        const auto outcome = callers.dial(place_of(sandbox, row), dial_of(row));
        EXPECT_EQ(outcome.line.find("proxy"), std::string::npos) << row.text() << ": " << to_text(outcome);
        direct += outcome.line.rfind("direct " + dialled(row) + " from ", 0) == 0 ? 1 : 0;
    }
    EXPECT_GT(direct, 50);
    EXPECT_EQ(proxy.counts().accepted, 0u);
}

}  // namespace
}  // namespace shunt::harness
