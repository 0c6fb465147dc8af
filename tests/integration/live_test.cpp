// SPDX-License-Identifier: Apache-2.0
// 200,000 connections to 200 destinations, all open at the same time in one network namespace: seven times what one
// address of the proxy would allow. SHUNT_TEST_LIVE=<number> takes fewer, for small machines.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "edge_fixture.h"

namespace shunt::harness {
namespace {

constexpr std::uint64_t kDestinations = 200;
constexpr std::uint64_t kKiBForEach = 12;  // two sockets with their files and the processes' own notes

std::uint64_t connections_wanted() {
    const char* text = std::getenv("SHUNT_TEST_LIVE");
    if (text == nullptr) return 200000;
    std::istringstream in(text);
    std::uint64_t number = 0;
    if (!(in >> number) || !in.eof() || number < kDestinations || number > 10'000'000) {
        throw std::runtime_error("SHUNT_TEST_LIVE=" + std::string(text) + ": expected 200 (one for each) to 10000000");
    }
    return number;
}

std::uint64_t number_after(const std::string& file, const std::string& word) {
    std::ifstream in(file);
    for (std::string got; in >> got;) {
        std::uint64_t number = 0;
        if (got == word && in >> number) return number;
    }
    throw std::runtime_error(file + ": no " + word);
}

std::uint64_t checked_for_memory(std::uint64_t count) {
    const auto available = number_after("/proc/meminfo", "MemAvailable:");
    if (available >= count * kKiBForEach) return count;
    throw std::runtime_error("memory: " + std::to_string(available) + " KiB are too few for " + std::to_string(count) +
                             " connections; SHUNT_TEST_LIVE=<number> takes fewer");
}

// The kernel's count of IPv4 TCP sockets in a namespace, listening ones included.
struct Sockets {
    std::uint64_t in_use = 0, time_wait = 0;
};

Sockets sockets_of(const Sandbox& sandbox) {
    std::istringstream text(run_in(sandbox.client_side(), [] {
        std::ifstream in("/proc/self/net/sockstat");
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string name, label, in_use, orphan, time_wait;
            if (words >> name >> label >> in_use >> label >> orphan >> label >> time_wait && name == "TCP:") {
                return in_use + " " + time_wait;
            }
        }
        throw std::runtime_error("sockstat: no TCP line");
    }));
    Sockets sockets;
    text >> sockets.in_use >> sockets.time_wait;
    return sockets;
}

// Networks, hosts and ports that differ in each part of the 48 bits; some differ in one part only.
std::vector<std::string> destinations() {
    std::vector<std::string> list;
    for (std::uint64_t i = 0; i < kDestinations; ++i) {
        const auto host = i % 2 == 0 ? "10." + std::to_string(i) + ".7." + std::to_string(255 - i)
                                     : "203.0.113." + std::to_string(i - i % 4);
        list.push_back(host + ":" + std::to_string(i % 2 == 0 ? 9080 : 1 + i * 300));
    }
    return list;
}

// How many processes the limit of open files asks for. The kernel spreads connections over the proxies by a hash, so
// each gets room for a quarter more than its share.
std::size_t processes_for(std::uint64_t count) {
    constexpr std::uint64_t kOwn = 256;  // what a process opens beside its connections
    const auto limit = raise_open_files(count + count / 4 + kOwn);
    if (limit < 4 * kOwn) throw std::runtime_error("open files: a limit of " + std::to_string(limit) + " is too low");
    const auto room = (limit - kOwn) * 4 / 5;
    return std::max<std::size_t>(2, (count + room - 1) / room);
}

class Live : public testing::Test {
protected:
    explicit Live(std::uint64_t count = connections_wanted())
        : count_(checked_for_memory(count)),
          proxies_(start_proxies(sandbox_, processes_for(count))),
          shunt_(sandbox_,
                 "proxy:\n"
                 "  listen: 0.0.0.0:15001\n"
                 "  identity: { cgroup: /mesh/proxy }\n"
                 "capture:\n"
                 "  cgroups: [/mesh]\n") {
        for (std::size_t i = 0; i < std::max<std::size_t>(4, proxies_.size()); ++i) {
            dialers_.emplace_back(sandbox_.app());
        }
    }

    static std::vector<ProbeProxy> start_proxies(const Sandbox& sandbox, std::size_t number) {
        std::vector<ProbeProxy> proxies;
        for (std::size_t i = 0; i < number; ++i) {
            proxies.emplace_back(sandbox, ProbeOptions{.verify = true, .hold = true, .share_port = true});
        }
        return proxies;
    }

    ProbeCounts seen() const {
        ProbeCounts sum;
        for (const auto& proxy : proxies_) {
            const auto counts = proxy.counts();
            sum.accepted += counts.accepted;
            sum.ok += counts.ok;
            sum.wrong += counts.wrong;
            sum.missing += counts.missing;
            sum.held += counts.held;
            if (sum.first_wrong.empty()) sum.first_wrong = counts.first_wrong;
            for (const auto& [destination, number] : counts.destinations) sum.destinations[destination] += number;
        }
        return sum;
    }

    BatchResult wait_for_all() {
        BatchResult sum;
        for (auto& dialer : dialers_) sum += dialer.wait();
        return sum;
    }

    // RST at the end: 200,000 sockets in TIME_WAIT would be what the kernel left, and hide what we did.
    BatchResult open_all() {
        Batch batch{.destinations = destinations(), .reset = true, .hold = true};
        for (std::size_t i = 0, n = dialers_.size(); i < n; ++i) {
            batch.count = count_ / n + (i < count_ % n ? 1 : 0);
            dialers_[i].start(batch);
            // The next one goes on where this one stops, so that no destination gets more than one above its share.
            auto& list = batch.destinations;
            std::rotate(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(batch.count % list.size()),
                        list.end());
        }
        return wait_for_all();
    }

    BatchResult check_all() {
        for (auto& dialer : dialers_) dialer.start_check_held();
        return wait_for_all();
    }

    BatchResult close_all() {
        for (auto& dialer : dialers_) dialer.start_close_held();
        return wait_for_all();
    }

    std::uint64_t held_after_closing(std::uint64_t expected) const {
        for (int i = 0; i < 600 && seen().held != expected; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return seen().held;
    }

    const std::uint64_t count_;
    const Sandbox sandbox_;
    const std::vector<ProbeProxy> proxies_;
    RunningShunt shunt_;
    std::vector<Dialer> dialers_;
};

class FewLive : public Live {
protected:
    FewLive() : Live(1000) {}
};

// The test can fail: connections that are gone are missed by the proxy, by the kernel's count and by the dialers.
TEST_F(FewLive, LostOnesAreNoticed) {
    const auto before = sockets_of(sandbox_);
    EXPECT_EQ(open_all().ok, 1000u);
    EXPECT_EQ(sockets_of(sandbox_).in_use - before.in_use, 2000u);
    dialers_.pop_back();
    EXPECT_EQ(held_after_closing(750), 750u);
    EXPECT_EQ(sockets_of(sandbox_).in_use - before.in_use, 1500u);
    const auto checked = check_all();
    EXPECT_EQ(checked.ok, 750u) << to_text(checked);
}

TEST_F(Live, AllAtOnceInOneNamespace) {
    const auto available = number_after("/proc/meminfo", "MemAvailable:");
    const auto before = sockets_of(sandbox_);

    const auto opened = open_all();
    EXPECT_EQ(opened.ok, count_) << to_text(opened);
    EXPECT_EQ(opened.wrong, 0u) << opened.first_wrong;
    EXPECT_EQ(opened.missing, 0u);
    EXPECT_TRUE(opened.errors.empty()) << to_text(opened);

    const auto at_proxy = seen();
    EXPECT_EQ(at_proxy.accepted, count_);
    EXPECT_EQ(at_proxy.ok, count_) << at_proxy.first_wrong;
    EXPECT_EQ(at_proxy.wrong, 0u);
    EXPECT_EQ(at_proxy.missing, 0u);
    EXPECT_EQ(at_proxy.held, count_);
    EXPECT_EQ(at_proxy.destinations.size(), kDestinations);
    for (const auto& [destination, number] : at_proxy.destinations) {
        EXPECT_TRUE(number == count_ / kDestinations || number == count_ / kDestinations + 1) << destination << number;
    }

    const auto open = sockets_of(sandbox_);
    EXPECT_EQ(open.in_use - before.in_use, 2 * count_) << "both ends of each, counted by the kernel";
    const auto held_memory = number_after("/proc/meminfo", "MemAvailable:");
    RecordProperty("kib_of_memory", std::to_string(available > held_memory ? available - held_memory : 0));

    const auto checked = check_all();
    EXPECT_EQ(checked.ok, count_) << to_text(checked);
    EXPECT_EQ(seen().held, count_);
    EXPECT_EQ(sockets_of(sandbox_).in_use, open.in_use);

    const auto counters = shunt_.counters();
    EXPECT_EQ(counters.runs, count_);
    EXPECT_EQ(counters.sum_of_reasons(), count_);
    EXPECT_EQ(counters.reasons.at("unmatched"), count_) << to_text(counters.reasons);
    EXPECT_EQ(counters.lanes.at("address"), count_) << to_text(counters.lanes);

    const auto asked = std::chrono::steady_clock::now();
    const auto listed = shunt_.command({"connections"});
    const auto took = std::chrono::steady_clock::now() - asked;
    EXPECT_EQ(static_cast<std::uint64_t>(std::count(listed.begin(), listed.end(), '\n')), count_ + 1)
        << "`shunt connections` lists them all, below a heading";
    RecordProperty("connections_ms",
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));

    EXPECT_EQ(close_all().connected, count_);
    EXPECT_EQ(held_after_closing(0), 0u);
    const auto after = sockets_of(sandbox_);
    EXPECT_EQ(after.in_use, before.in_use);
    EXPECT_EQ(after.time_wait, before.time_wait);
}

}  // namespace
}  // namespace shunt::harness
