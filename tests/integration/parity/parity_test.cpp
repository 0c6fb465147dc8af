// SPDX-License-Identifier: Apache-2.0
// The same flows behind istio-iptables' rules and behind shunt, by real connects: the same outcome, original
// destination and getpeername, but for the differences that seen.cpp lists.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/iptables.h"
#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"
#include "parity/rules.h"
#include "parity/seen.h"

namespace shunt::parity {
namespace {

using namespace harness;

std::vector<std::uint16_t> local_ports(std::vector<std::uint16_t> ports) {
    std::erase_if(ports, [](auto port) { return port == kProxyPort || port == kInboundPort; });
    return ports;
}

// One client namespace with everything that a flow may reach.
struct World {
    World(const std::string& suffix, const std::vector<std::uint16_t>& ports)
        : sandbox(current_test_name() + suffix),
          server(sandbox, ports),
          local(sandbox.client_side(), local_ports(ports), "local"),
          inbound(sandbox.client_side(), {kInboundPort}, "inbound"),
          proxy(sandbox, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .kernel_length = true}) {
        // ::6 is what Istio's inbound passthrough binds.
        run_command(sandbox.client_side(), {"ip", "address", "add", "::6/128", "dev", "lo", "nodad"});
    }

    const Sandbox sandbox;
    const DirectServer server, local, inbound;
    const ProbeProxy proxy;
};

void load_rules(const Sandbox& sandbox, const RuleSet& set) {
    load_iptables(sandbox.client_side(), false, iptables_rules(set, false));
    const auto v6 = iptables_rules(set, true);
    if (!v6.empty()) load_iptables(sandbox.client_side(), true, v6);
}

// As a user who switches over gets it, from istio-iptables' flags; written by hand where flags cannot say it.
std::string config_of(const RuleSet& set) {
    const auto flags = istio_flags(set);
    if (!flags) return shunt_config(set, kClientV4, kClientV6);
    std::vector<std::string> command{shunt_binary(), "import", "istio-iptables", "--cgroup", "/mesh", "--"};
    command.insert(command.end(), flags->begin(), flags->end());
    return run_command({}, command);
}

// For mutants: what iptables did, so that decide() can be judged by it without a kernel (answer.cpp).
void record(const RuleSet& set, const std::string& config, const std::vector<Flow>& flows,
            const std::vector<Seen>& iptables, const std::vector<std::string>& explained) {
    auto list = nlohmann::json::array();
    for (std::size_t i = 0; i < flows.size(); ++i) {
        const auto& flow = flows[i];
        list.push_back({{"text", to_text(flow)},
                        {"destination", flow.dial.destination},
                        {"v6_socket", flow.dial.family != Family::kV4},
                        {"source", flow.dial.source},
                        {"device", flow.dial.device},
                        {"uid", flow.creates.euid},
                        {"gid", flow.creates.egid},
                        {"iptables", iptables[i].kind},
                        {"difference", explained[i]}});
    }
    std::filesystem::create_directories(SHUNT_PARITY_RECORDS);
    std::ofstream(SHUNT_PARITY_RECORDS "/" + set.name + ".json") << nlohmann::json{
        {"config", config},
        {"own", {kClientV4, kClientV6, kClientLinkLocal, "::6"}},
        {"flows", list}}.dump(1);
}

// Where a program cannot give an errno, the kernel says EPERM for it: README, "What a connection that fails says".
bool takes_errno(const RunningShunt& shunt) {
    const auto doctor = nlohmann::json::parse(shunt.command({"doctor", "--no-probe", "-o", "json"}));
    return doctor.at("features").at("setRetval");
}

class Parity : public testing::TestWithParam<RuleSet> {};

TEST_P(Parity, SameAsIptables) {
    const auto& set = GetParam();
    const auto flows = flows_of(set);
    ASSERT_GE(flows.size(), 100u);
    const auto ports = ports_of(flows);
    const World with_iptables("-i", ports), with_shunt("-s", ports);

    load_rules(with_iptables.sandbox, set);
    const auto expected = dial_all(with_iptables.sandbox.app(), flows);
    const auto config = config_of(set);
    const RunningShunt shunt(with_shunt.sandbox, config);
    auto got = dial_all(with_shunt.sandbox.app(), flows);
    ASSERT_EQ(expected.size(), flows.size());
    ASSERT_EQ(got.size(), flows.size());

    std::vector<Seen> recorded;
    std::vector<std::string> explained;
    std::map<std::string, int> kinds, occurred;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        if (got[i].error == EPERM && !takes_errno(shunt))
            got[i].error = flows[i].dial.device.empty() ? EINVAL : ECONNREFUSED;
        const auto iptables = seen(flows[i], expected[i], set.client_address);
        const auto ours = seen(flows[i], got[i], set.client_address);
        std::string difference;
        EXPECT_TRUE(ours.true_port) << to_text(flows[i]) << ": " << to_text(got[i]);
        if (!iptables.same(ours)) {
            difference = explained_by(flows[i], iptables, ours);
            EXPECT_NE(difference, "") << to_text(flows[i]) << "\n  iptables: " << to_text(expected[i])
                                      << "\n  shunt:    " << to_text(got[i]);
            ++occurred[difference];
        }
        ++kinds[iptables.kind];
        recorded.push_back(iptables);
        explained.push_back(difference);
    }
    if (!HasFailure()) record(set, config, flows, recorded, explained);
    std::cout << flows.size() << " flows;";
    for (const auto& [kind, count] : kinds) std::cout << " " << kind << " " << count;
    std::cout << "; differences meant:";
    for (const auto& [name, count] : occurred) std::cout << " " << name << " " << count;
    std::cout << "\n";
}

INSTANTIATE_TEST_SUITE_P(Rules, Parity, testing::ValuesIn(rule_sets()), [](const auto& set) { return set.param.name; });

// As a judge: without shunt the comparison fails for everything that iptables redirects, and for nothing else.
TEST(ParityBaseline, WithTheHookOffItFails) {
    const RuleSet set{.name = "off"};
    const auto flows = flows_of(set);
    const World with_iptables("-i", ports_of(flows)), without("-s", ports_of(flows));
    load_rules(with_iptables.sandbox, set);
    const auto expected = dial_all(with_iptables.sandbox.app(), flows);
    const auto got = dial_all(without.sandbox.app(), flows);
    std::size_t redirected = 0;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        const auto iptables = seen(flows[i], expected[i], false), ours = seen(flows[i], got[i], false);
        if (iptables.kind == "proxy" || iptables.kind == "inbound") {
            EXPECT_NE(iptables.text, ours.text) << to_text(flows[i]);
            EXPECT_EQ(explained_by(flows[i], iptables, ours), iptables.kind == "proxy" ? "" : "inbound");
            ++redirected;
        } else {
            EXPECT_EQ(iptables.text, ours.text) << to_text(flows[i]);
        }
    }
    EXPECT_GT(redirected, 30u);
}

TEST(ParityTable, EveryDifferenceStandsInTheReadme) {
    std::ifstream file(SHUNT_README);
    const std::string readme{std::istreambuf_iterator<char>(file), {}};
    for (const auto& difference : differences()) {
        EXPECT_NE(readme.find("\n| " + difference.readme), std::string::npos) << difference.name;
    }
}

TEST(ParityTable, MostConfigurationsAreImported) {
    const auto& sets = rule_sets();
    EXPECT_EQ(std::count_if(sets.begin(), sets.end(), [](const auto& set) { return istio_flags(set).has_value(); }),
              37);
}

TEST(ParityTable, RuleSetsHaveNamesOfTheirOwn) {
    std::set<std::string> names;
    for (const auto& set : rule_sets()) names.insert(set.name);
    EXPECT_EQ(names.size(), rule_sets().size());
    EXPECT_GE(names.size(), 26u);
}

}  // namespace
}  // namespace shunt::parity
