// SPDX-License-Identifier: Apache-2.0
// Reads table.txt: the one list of cases behind the unit test of the verdict and the test with real connections.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace shunt::truth {

struct Row {
    int line = 0;
    std::string config;
    std::string destination;  // OWN4 and OWN6 already replaced
    std::string socket;       // v4, v6, mapped, udp4, udp6
    std::uint32_t uid = 0, gid = 0, mark = 0;
    bool in_proxy_cgroup = false;
    std::string source;  // bound address and port; empty: none
    std::string device;  // SO_BINDTODEVICE; empty: none
    std::string verdict, reason, lane;
    bool tcp() const { return socket.rfind("udp", 0) != 0; }
    // Depends on who listens at the moment of connect(), which no table says.
    bool live_only() const { return reason.rfind("proxy_down_", 0) == 0; }
    std::string text() const {
        return "table.txt:" + std::to_string(line) + ": " + config + " " + socket + " " + destination +
               (source.empty() ? "" : " from " + source) + (device.empty() ? "" : " on " + device) + " uid " +
               std::to_string(uid) + " gid " + std::to_string(gid) + " mark " + std::to_string(mark) +
               (in_proxy_cgroup ? " in the proxy's cgroup" : "");
    }
};

inline std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// Strict: a row that is not understood throws, or a typing error would take a case away unseen.
inline std::vector<Row> read_table(const std::string& folder, const std::string& own4, const std::string& own6) {
    std::ifstream file(folder + "/table.txt");
    if (!file) throw std::runtime_error("cannot read " + folder + "/table.txt");
    std::vector<Row> rows;
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty() || line[0] == '#') continue;
        const auto fail = [&](const std::string& what) {
            throw std::runtime_error("table.txt:" + std::to_string(number) + ": " + what);
        };
        std::istringstream stream(replace_all(replace_all(line, "OWN4", own4), "OWN6", own6));
        const std::vector<std::string> word{std::istream_iterator<std::string>(stream), {}};
        if (word.size() != 11) fail("11 columns expected, " + std::to_string(word.size()) + " found");
        Row row;
        row.line = number;
        row.config = word[0];
        row.destination = word[1];
        row.socket = word[2];
        if (!std::set<std::string>{"v4", "v6", "mapped", "udp4", "udp6"}.contains(row.socket))
            fail("socket " + word[2]);
        row.uid = static_cast<std::uint32_t>(std::stoul(word[3], nullptr, 0));
        row.gid = static_cast<std::uint32_t>(std::stoul(word[4], nullptr, 0));
        row.mark = static_cast<std::uint32_t>(std::stoul(word[5], nullptr, 0));
        if (word[6] != "app" && word[6] != "proxy") fail("where " + word[6]);
        row.in_proxy_cgroup = word[6] == "proxy";
        if (word[7].rfind("dev:", 0) == 0) {
            row.device = word[7].substr(4);
        } else if (word[7] != "-") {
            row.source = word[7];
        }
        row.verdict = word[8];
        if (!std::set<std::string>{"balance", "bypass", "redirect", "refuse"}.contains(row.verdict))
            fail("verdict " + word[8]);
        row.reason = word[9];
        row.lane = word[10];
        if ((row.lane == "none") == (row.verdict == "redirect")) fail("a lane where and only where redirected");
        rows.push_back(row);
    }
    return rows;
}

// Names of the configurations, each once, in the order of the table.
inline std::vector<std::string> configs_of(const std::vector<Row>& rows) {
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const auto& row : rows) {
        if (seen.insert(row.config).second) names.push_back(row.config);
    }
    return names;
}

}  // namespace shunt::truth
