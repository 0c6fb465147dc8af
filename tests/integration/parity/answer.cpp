// SPDX-License-Identifier: Apache-2.0
// answer RECORDS: what iptables did with each flow (written by parity_test) against what decide() answers, without a
// kernel. One line per rule set that differs, with its first differing flow.
//   answer RECORDS equal    exit 0 where nothing differs and every difference that is meant has occurred
//   answer RECORDS noticed  exit 0 where something differs: a deliberate error in decide() was noticed
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/names.h"
#include "config/loader.h"
#include "parity/rules.h"
#include "parity/seen.h"
#include "policy/explain.h"

namespace {

using nlohmann::json;
using namespace shunt;

base::SocketAddress address_of(const std::string& text) {
    const auto colon = text.rfind(':');
    auto ip = text.substr(0, colon);
    if (ip.front() == '[') ip = ip.substr(1, ip.size() - 2);
    const auto address = base::parse_address(ip.substr(0, ip.find('%')));
    if (!address) throw std::runtime_error(text + ": " + address.error().message);
    return {*address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

policy::Flow flow_of(const json& record, const std::vector<base::Address>& own) {
    policy::Flow flow;
    flow.destination = address_of(record.at("destination"));
    flow.socket_v6 = record.at("v6_socket");
    if (const std::string source = record.at("source"); !source.empty()) flow.source = address_of(source);
    flow.uid = record.at("uid");
    flow.gid = record.at("gid");
    flow.bound_to_device = !record.at("device").get<std::string>().empty();
    flow.own = own;
    return flow;
}

struct Count {
    std::size_t flows = 0, differing = 0;
    std::string first;
};

Count compare(const json& set, std::set<std::string>& occurred) {
    auto loaded = config::load_text(set.at("config"), "recorded");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    const auto tables = policy::compile(loaded->mesh, {});
    std::vector<base::Address> own;
    for (const std::string ip : set.at("own"))
        own.push_back(address_of(parity::is_v6(ip) ? "[" + ip + "]:0" : ip + ":0").address);
    Count count;
    for (const auto& record : set.at("flows")) {
        if (const std::string difference = record.at("difference"); !difference.empty()) {
            occurred.insert(difference);
            continue;
        }
        const auto answer = policy::explain(tables, loaded->mesh, flow_of(record, own));
        const std::string iptables = record.at("iptables");
        // Where the kernel itself refuses, it makes no difference who says so.
        const bool same = iptables == "proxy"   ? answer.verdict == SHUNT_VERDICT_REDIRECT
                          : iptables == "error" ? answer.verdict != SHUNT_VERDICT_REDIRECT
                                                : answer.verdict == SHUNT_VERDICT_BYPASS;
        ++count.flows;
        if (!same && count.differing++ == 0) {
            count.first = record.at("text").get<std::string>() + ": iptables " + iptables + ", decide() " +
                          std::string(base::name(answer.verdict)) + " by " + std::string(base::name(answer.reason));
        }
    }
    return count;
}

int run(const std::string& records, bool expect_equal) {
    std::set<std::string> occurred;
    Count sum;
    std::size_t sets = 0;
    for (const auto& set : parity::rule_sets()) {
        std::ifstream file(records + "/" + set.name + ".json");
        if (!file)
            throw std::runtime_error("no record of " + set.name +
                                     ": run parity_test first (it writes one where it passes)");
        const auto count = compare(json::parse(file), occurred);
        sum.flows += count.flows;
        sum.differing += count.differing;
        if (count.differing == 0) continue;
        ++sets;
        std::cout << set.name << ": " << count.differing << " of " << count.flows << "; " << count.first << "\n";
    }
    std::cout << sum.differing << " of " << sum.flows << " flows differ, in " << sets << " of "
              << parity::rule_sets().size() << " rule sets\n";
    if (!expect_equal) return sum.differing > 0 ? 0 : 1;
    bool all = sum.differing == 0;
    for (const auto& difference : parity::differences()) {
        if (occurred.contains(difference.name) || difference.on_some_kernels) continue;
        std::cout << "the difference " << difference.name << " is allowed and never occurs\n";
        all = false;
    }
    return all ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 || (argv[2] != std::string("equal") && argv[2] != std::string("noticed"))) {
        std::cerr << "usage: answer RECORDS equal|noticed\n";
        return 2;
    }
    try {
        return run(argv[1], argv[2] == std::string("equal"));
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 2;
    }
}
