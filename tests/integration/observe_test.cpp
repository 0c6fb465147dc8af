// SPDX-License-Identifier: Apache-2.0
// shunt observe: every verdict is shown or counted as not shown, and nothing is told while nobody looks.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

class Observe : public testing::Test {
protected:
    static std::string config(const std::string& more = {}) {
        return "proxy:\n"
               "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
               "  identity: { cgroup: /mesh/proxy }\n"
               "capture:\n"
               "  cgroups: [/mesh]\n"
               "  excludeOutboundIPRanges: [198.51.100.0/24]\n" +
               more;
    }
    // Every connect fails at once, without a server.
    static std::string refusing() {
        return config("outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }\n");
    }

    std::vector<std::string> line(const RunningShunt& shunt, const std::vector<std::string>& more) const {
        std::vector<std::string> words{"observe"};
        words.insert(words.end(), more.begin(), more.end());
        return shunt.command_line(words);
    }

    static std::vector<Json> lines(const std::string& text) {
        std::vector<Json> found;
        std::istringstream in(text);
        for (std::string row; std::getline(in, row);) found.push_back(Json::parse(row));
        return found;
    }

    static Ran ended(Process& process) {
        std::this_thread::sleep_for(600ms);  // two turns: what was told is printed
        process.signal(SIGINT);
        return process.wait();
    }

    // Attempts that fail at once, so many and no more.
    std::uint64_t refused(std::uint64_t count) const {
        Dialer dialer(sandbox_.app());
        const auto result = dialer.run({.destinations = {"203.0.113.9:443"}, .count = count, .verify = false});
        return result.errors.at("connect ECONNREFUSED");
    }

    Json places(const RunningShunt& shunt) const {
        const auto dump = shunt_map(shunt, "shunt_observe");
        return Json::parse(dump).at(0).at("formatted").at("value");
    }
    std::string shunt_map(const RunningShunt&, const std::string& name) const {
        const auto path = run_command({}, {"find", sandbox_.pin_dir(), "-name", name});
        return run_command({}, {"bpftool", "-j", "map", "dump", "pinned", path.substr(0, path.find('\n'))});
    }

    const Sandbox sandbox_;
};

TEST_F(Observe, EachVerdictWithWhoAndWhy) {
    const DirectServer server(sandbox_, {80});
    const ProbeProxy proxy(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}});
    RunningShunt shunt(sandbox_, config());
    Process observer(line(shunt, {"-f", "-o", "json"}));
    ASSERT_TRUE(observer.says("watching"));
    const auto before = shunt.counters();
    dial(sandbox_.app(), {.destination = "203.0.113.5:9080"});
    dial(sandbox_.app(), {.destination = "[::ffff:203.0.113.6]:9081", .family = Family::kMapped});
    dial(sandbox_.app(), {.destination = "[2001:db8:9::9]:80", .family = Family::kV6});
    dial(sandbox_.app(), {.destination = "203.0.113.7:9080", .source = "192.0.2.2:0"});
    dial(sandbox_.app(), {.destination = "198.51.100.7:80"});
    dial(sandbox_.app(), {.destination = "203.0.113.8:9080", .source = "127.0.0.1:0"});
    const auto seen = ended(observer);
    EXPECT_EQ(seen.code, 0) << to_text(seen);
    EXPECT_EQ(seen.err.find("not shown"), std::string::npos) << seen.err;

    const auto rows = lines(seen.out);
    ASSERT_EQ(rows.size(), 6u) << seen.out;
    const std::vector<std::vector<std::string>> expected{
        {"redirect", "unmatched", "203.0.113.5:9080", "address"},
        {"redirect", "unmatched", "203.0.113.6:9081", "address"},
        {"redirect", "unmatched", "[2001:db8:9::9]:80", "record_ipv6"},
        {"redirect", "unmatched", "203.0.113.7:9080", "dict_address"},
        {"bypass", "excluded_cidr", "198.51.100.7:80", "null"},
        {"refuse", "loopback_source", "203.0.113.8:9080", "null"},
    };
    std::string command;
    std::getline(std::ifstream("/proc/self/comm"), command);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
        EXPECT_EQ(row.at("verdict"), expected[i][0]) << row;
        EXPECT_EQ(row.at("reason"), expected[i][1]) << row;
        EXPECT_EQ(row.at("destination"), expected[i][2]) << row;
        EXPECT_EQ(row.at("lane").is_null() ? "null" : row.at("lane").get<std::string>(), expected[i][3]) << row;
        EXPECT_EQ(row.at("command"), command) << row;
        EXPECT_GT(row.at("pid"), getpid()) << row;
        EXPECT_EQ(row.at("cgroup"), "/" + sandbox_.name() + "/app") << row;
        EXPECT_TRUE(std::regex_match(row.at("time").get<std::string>(), std::regex(R"(20..-..-..T..:..:..\.\d{6}Z)")));
    }
    EXPECT_EQ(shunt.counters().runs - before.runs, rows.size()) << "one line for each run";
}

TEST_F(Observe, FiltersLastAndCompact) {
    RunningShunt shunt(sandbox_, refusing());
    const auto other = std::string("203.0.113.77:8443");
    Process all(line(shunt, {"--for", "3"}));
    Process to(line(shunt, {"--for", "3", "--to", "203.0.113.64/26", "-o", "json"}));
    Process port(line(shunt, {"--for", "3", "--port", "443", "--verdict", "refuse", "--last", "2", "-o", "json"}));
    Process none(line(shunt, {"--for", "3", "--reason", "unmatched,excluded_cidr", "--cgroup", sandbox_.app_cgroup()}));
    for (auto* process : {&all, &to, &port, &none}) ASSERT_TRUE(process->says("watching"));
    // All places are taken.
    const auto fifth = run_process(line(shunt, {"--for", "1"}));
    EXPECT_EQ(fifth.code, 1);
    EXPECT_NE(fifth.err.find("all 4 places are taken"), std::string::npos) << fifth.err;

    EXPECT_EQ(refused(3), 3u);
    EXPECT_EQ(dial(sandbox_.app(), {.destination = other}).error, ECONNREFUSED);
    const auto everything = all.wait();
    EXPECT_EQ(std::count(everything.out.begin(), everything.out.end(), '\n'), 4) << to_text(everything);
    const std::regex row(
        R"(\d\d:\d\d:\d\d\.\d{3} refuse   203\.0\.113\.77:8443 +\S+\[\d+\] +black_hole_cluster - /\S+/app)");
    EXPECT_TRUE(std::regex_search(everything.out, row)) << everything.out;
    EXPECT_EQ(everything.out.find('\x1b'), std::string::npos);
    const auto by_range = lines(to.wait().out);
    ASSERT_EQ(by_range.size(), 1u);
    EXPECT_EQ(by_range[0].at("destination"), other);
    const auto by_port = lines(port.wait().out);
    ASSERT_EQ(by_port.size(), 2u);
    EXPECT_EQ(by_port[1].at("destination"), "203.0.113.9:443");
    EXPECT_EQ(none.wait().out, "");
}

// shown + sampled out + over the rate = what there was.
TEST_F(Observe, SampleAndRateAreCounted) {
    RunningShunt shunt(sandbox_, refusing());
    Process sampled(line(shunt, {"-f", "-o", "json", "--sample", "10"}));
    Process limited(line(shunt, {"-f", "-o", "json", "--rate", "50"}));
    ASSERT_TRUE(sampled.says("watching") && limited.says("watching"));
    EXPECT_EQ(refused(2000), 2000u);
    const auto number = [](const std::string& text, const std::string& pattern) -> std::uint64_t {
        std::uint64_t last = 0;
        const std::regex expression(pattern);
        for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at)
            last = std::stoull((*at)[1]);
        return last;
    };
    const auto by_chance = ended(sampled), by_rate = ended(limited);
    const auto few = lines(by_chance.out).size(), slow = lines(by_rate.out).size();
    EXPECT_GT(few, 100u);
    EXPECT_LT(few, 400u);
    EXPECT_EQ(few + number(by_chance.err, "(\\d+) left out by --sample"), 2000u) << by_chance.err;
    EXPECT_GE(slow, 50u);
    EXPECT_LT(slow, 2000u);
    EXPECT_EQ(slow + number(by_rate.err, "(\\d+) over --rate"), 2000u) << by_rate.err;
    EXPECT_EQ(number(by_rate.err, "(\\d+) verdicts were wanted"), 2000u) << by_rate.err;
}

// A reader that does not read: neither the application nor uninstall is held up, and what does not fit is counted.
TEST_F(Observe, FullPipe) {
    RunningShunt shunt(sandbox_, refusing());
    constexpr std::uint64_t kMany = 40000;
    const auto go = sandbox_.directory() + "/go";
    const auto start = [&] {
        auto words = line(shunt, {"-f", "-o", "json", "--rate", "0"});
        const std::string reader = "{ for i in $(seq 300); do [ ! -e \"$go\" ] || break; sleep 0.1; done; cat; }";
        words.insert(words.begin(), {"/bin/sh", "-c", "go=$1; shift; \"$@\" | " + reader, "sh", go});
        return words;
    };
    const auto expect_all = [&](Process& observer, const std::string& unseen) {
        const auto seen = observer.wait();
        std::smatch lost;
        ASSERT_TRUE(std::regex_search(seen.err, lost, std::regex("(\\d+) verdicts were wanted; not shown: (.*)")))
            << seen.err;
        EXPECT_EQ(std::stoull(lost[1]), kMany);
        EXPECT_NE(lost[2].str().find(unseen), std::string::npos) << seen.err;
        std::uint64_t missing = 0;
        const std::string parts = lost[2];
        const std::regex number("(\\d+) (lost|that)");
        for (std::sregex_iterator at(parts.begin(), parts.end(), number), end; at != end; ++at)
            missing += std::stoull((*at)[1]);
        EXPECT_EQ(lines(seen.out).size() + missing, kMany) << seen.err;
    };
    {
        Process observer(start());
        ASSERT_TRUE(observer.says("watching"));
        EXPECT_EQ(refused(kMany), kMany);
        std::ofstream(go) << "go";
        std::this_thread::sleep_for(2s);
        run_command({}, {"pkill", "-INT", "-P", std::to_string(observer.pid()), "shunt"});
        expect_all(observer, "lost because");
        std::filesystem::remove(go);
    }
    Process observer(start());
    ASSERT_TRUE(observer.says("watching"));
    EXPECT_EQ(refused(kMany), kMany);
    shunt.uninstall();
    EXPECT_TRUE(observer.says("uninstalled meanwhile"));
    std::ofstream(go) << "go";
    expect_all(observer, "that nobody read");
}

TEST_F(Observe, ReaderThatGoesAwayIsNoError) {
    RunningShunt shunt(sandbox_, refusing());
    auto words = line(shunt, {"-f", "-o", "json"});
    words.insert(words.begin(), {"/bin/bash", "-c", "\"$@\" | head -n 1; echo \"${PIPESTATUS[0]}\"", "sh"});
    Process observer(words);
    ASSERT_TRUE(observer.says("watching"));
    // One verdict: after it the reader is gone, and no other one would show that.
    EXPECT_EQ(refused(1), 1u);
    const auto seen = observer.wait();
    ASSERT_NE(seen.out.find('\n'), std::string::npos) << to_text(seen);
    EXPECT_EQ(seen.out.substr(seen.out.find('\n') + 1), "0\n") << to_text(seen);
    EXPECT_EQ(std::count(seen.err.begin(), seen.err.end(), '\n'), 1) << seen.err;
}

TEST_F(Observe, KilledOnesAreForgotten) {
    RunningShunt shunt(sandbox_, refusing());
    for (int i = 0; i < 4; ++i) {
        Process observer(line(shunt, {"-f"}));
        ASSERT_TRUE(observer.says("watching"));
        observer.signal(SIGKILL);
        observer.wait();
    }
    EXPECT_EQ(refused(1), 1u);
    EXPECT_NE(places(shunt).at("until_ns"), 0);
    std::this_thread::sleep_for(3500ms);  // they are forgotten: nobody is told, and a place is free
    const auto seen = [&] {
        std::uint64_t sum = 0;
        const auto now = places(shunt);
        for (const auto& place : now.at("observers")) sum += place.at("seen").get<std::uint64_t>();
        return sum;
    };
    const auto told = seen();
    EXPECT_EQ(refused(5), 5u);
    EXPECT_EQ(seen(), told);
    Process next(line(shunt, {"-f", "-o", "json"}));
    ASSERT_TRUE(next.says("watching"));
    EXPECT_EQ(refused(5), 5u);
    EXPECT_EQ(lines(ended(next).out).size(), 5u);
    EXPECT_EQ(places(shunt).at("until_ns"), 0) << "the last one that ends in good order turns it off";

    Process again(line(shunt, {"-f"}));
    ASSERT_TRUE(again.says("watching"));
    again.signal(SIGKILL);
    again.wait();
    std::this_thread::sleep_for(13500ms);
    EXPECT_EQ(refused(1), 1u);
    EXPECT_EQ(places(shunt).at("until_ns"), 0) << "the programs turn it off themselves";
}

TEST_F(Observe, GoesOnOverARestartAndEndsWithUninstall) {
    RunningShunt shunt(sandbox_, refusing());
    Process observer(line(shunt, {"-f", "-o", "json"}));
    ASSERT_TRUE(observer.says("watching"));
    EXPECT_EQ(refused(10), 10u);
    shunt.kill9();
    EXPECT_EQ(refused(10), 10u);
    shunt.start();
    EXPECT_EQ(refused(10), 10u);
    std::this_thread::sleep_for(600ms);
    shunt.uninstall();
    const auto seen = observer.wait();
    EXPECT_EQ(seen.code, 1);
    EXPECT_NE(seen.err.find("uninstalled"), std::string::npos) << seen.err;
    EXPECT_EQ(lines(seen.out).size(), 30u);
    const auto without = run_process(line(shunt, {"--for", "1"}));
    EXPECT_EQ(without.code, 1);
    EXPECT_NE(without.err.find("nothing is installed"), std::string::npos) << without.err;
}

}  // namespace
}  // namespace shunt::harness
