// SPDX-License-Identifier: Apache-2.0
// Under load, whatever happens to the controller: no connection passes the proxy, none is told a wrong destination,
// none fails.
#include <atomic>
#include <chrono>
#include <list>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

using namespace std::chrono_literals;

// Workers that dial without a pause until finish(). A connection that passes the proxy reaches DirectServer, which
// says so in the place of the proxy's judgement: the dialler counts it as wrong.
class Load {
public:
    Load(const Placement& place, const std::vector<Family>& families) {
        for (const auto family : families) dialers_.emplace_back(place), batches_.push_back(batch(family));
        auto dialer = dialers_.begin();
        for (const auto& one : batches_) threads_.emplace_back([this, &one, &worker = *dialer++] { run(one, worker); });
    }
    ~Load() { finish(); }
    Load(const Load&) = delete;

    std::uint64_t so_far() const { return done_; }
    // Something must have been dialled in this phase, or it has shown nothing.
    void at_least(std::uint64_t more) const {
        const auto from = so_far();
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (so_far() < from + more && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(2ms);
        ASSERT_GE(so_far(), from + more) << "the load stands still";
    }
    const BatchResult& finish() {
        stop_ = true;
        for (auto& thread : threads_)
            if (thread.joinable()) thread.join();
        return sum_;
    }

    static Batch batch(Family family) {
        Batch batch{.count = 50, .family = family};
        for (int i = 1; i < 60; ++i) {
            const auto n = std::to_string(i), port = std::string(i % 2 ? "80" : "9080");
            batch.destinations.push_back(family == Family::kV6 ? "[2001:db8:9::" + n + "]:" + port
                                                               : "10." + n + ".3." + n + ":" + port);
        }
        return batch;
    }

private:
    void run(const Batch& batch, Dialer& dialer) {
        while (!stop_) {
            BatchResult result;
            try {
                result = dialer.run(batch);
            } catch (const std::exception& error) {
                ++result.errors[error.what()];
                stop_ = true;
            }
            done_ += result.ok;
            const std::lock_guard lock(mutex_);
            sum_ += result;
        }
    }

    std::list<Dialer> dialers_;
    std::list<Batch> batches_;
    std::vector<std::thread> threads_;
    std::atomic<bool> stop_ = false;
    std::atomic<std::uint64_t> done_ = 0;
    std::mutex mutex_;
    BatchResult sum_;
};

std::string with_listeners(const std::string& lane) {
    std::string ranges;
    for (int i = 0; i < 600; ++i)
        ranges +=
            (i ? ", " : "") + std::string("198.18.") + std::to_string(i / 4) + "." + std::to_string(i % 4 * 64) + "/26";
    return "proxy:\n"
           "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
           "  identity: { cgroup: /mesh/proxy }\n"
           "  lane: " +
           lane +
           "\n"
           "capture:\n"
           "  cgroups: [/mesh]\n"
           "  excludeOutboundPorts: [22, 8000-8010]\n"
           "  excludeOutboundIPRanges: [" +
           ranges +
           "]\n"
           "listeners:\n"
           "  - { name: 0.0.0.0_9080, address: 0.0.0.0, port: 9080, cluster: PassthroughCluster }\n"
           "  - { name: 10.2.3.2_9080, address: 10.2.3.2, port: 9080, cluster: PassthroughCluster }\n"
           "clusters:\n"
           "  - { name: PassthroughCluster, type: ORIGINAL_DST }\n";
}

class LifecycleLoad : public Lifecycle {
protected:
    void expect_all_right(const BatchResult& sum, const ProbeProxy& proxy) const {
        EXPECT_EQ(sum.ok, sum.connected) << to_text(sum);
        EXPECT_EQ(sum.wrong, 0u) << to_text(sum);
        EXPECT_EQ(sum.missing, 0u) << to_text(sum);
        EXPECT_EQ(sum.silent, 0u) << to_text(sum);
        EXPECT_TRUE(sum.errors.empty()) << to_text(sum);
        const auto seen = proxy.counts();
        EXPECT_EQ(seen.accepted, sum.ok);
        EXPECT_EQ(seen.ok, sum.ok) << seen.first_wrong;
    }
    void refuse_broken(RunningShunt& running) const {
        running.write_config(lifecycle_config("auto", "nonsense: true\n"));
        const auto generation = status().at("generation");
        const auto ran = shunt({"reload"});
        EXPECT_EQ(ran.code, 3) << to_text(ran);
        EXPECT_EQ(status().at("generation"), generation);
    }

    const DirectServer server_{sandbox_, {80, 9080}};
};

TEST_F(LifecycleLoad, KilledRestartedReloaded) {
    const ProbeProxy proxy(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true});
    RunningShunt running(sandbox_, lifecycle_config());
    const auto links_before = links();
    Load load(sandbox_.app(), {Family::kV4, Family::kV4, Family::kMapped, Family::kMapped, Family::kV6, Family::kV6});
    load.at_least(1000);
    for (int round = 0; round < 3; ++round) {
        running.kill9();
        load.at_least(1000);
        const auto programs = links("program");
        running.write_config(lifecycle_config());
        running.start();
        EXPECT_EQ(links(), links_before) << "links are updated in place";
        EXPECT_NE(links("program"), programs) << "and hold the new programs";
        load.at_least(1000);
        running.reload(lifecycle_config("record", "  excludeOutboundPorts: [22, 8000-8010]\n"));
        load.at_least(1000);
        refuse_broken(running);
        load.at_least(1000);
        running.reload(with_listeners("record"));
        load.at_least(1000);
        running.reload(with_listeners("auto"));
        load.at_least(1000);
        running.reload(lifecycle_config());
        EXPECT_EQ(links(), links_before);
        load.at_least(1000);
    }
    expect_all_right(load.finish(), proxy);
    const auto counters = running.counters();
    EXPECT_GT(counters.lanes.at("address"), 0u);
    EXPECT_GT(counters.lanes.at("record_setting"), 0u);
    EXPECT_GT(counters.lanes.at("record_ipv6"), 0u);
    EXPECT_GT(counters.reasons.at("listener"), 0u);
    EXPECT_EQ(counters.runs, counters.sum_of_reasons());
    EXPECT_GE(counters.runs, load.finish().ok) << "maps, and so what is counted in them, are kept";
    RecordProperty("connections", std::to_string(load.finish().ok));
}

// The load does see what passes the proxy; and taking redirection away fails no connection: each is the proxy's with
// the right destination, or direct.
TEST_F(LifecycleLoad, Uninstall) {
    for (const char* lane : {"auto", "record"}) {
        const ProbeProxy proxy(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true});
        RunningShunt running(sandbox_, lifecycle_config(lane));
        Load load(sandbox_.app(), {Family::kV4, Family::kMapped, Family::kV6, Family::kV6});
        load.at_least(1000);
        running.stop();
        const auto ran = shunt({"uninstall", "--drain", "1"});
        EXPECT_EQ(ran.code, 0) << to_text(ran);
        const auto& sum = load.finish();
        EXPECT_GT(sum.wrong, 0u);
        EXPECT_NE(sum.first_wrong.find("direct"), std::string::npos) << to_text(sum);
        EXPECT_EQ(sum.ok + sum.wrong, sum.connected) << to_text(sum);
        EXPECT_EQ(sum.missing + sum.silent, 0u) << to_text(sum);
        EXPECT_TRUE(sum.errors.empty()) << to_text(sum);
        const auto seen = proxy.counts();
        EXPECT_EQ(seen.ok, sum.ok);
        EXPECT_EQ(seen.accepted, sum.ok) << seen.first_wrong;
    }
}

// With IPv4 alone the address lane needs no sockops: reloading the lane attaches and detaches it under load.
TEST_F(LifecycleLoad, SockopsComesAndGoes) {
    const ProbeProxy proxy(sandbox_, {.verify = true});
    const auto config = [](const std::string& lane) {
        return "proxy: { listen: 0.0.0.0:15001, identity: { cgroup: /mesh/proxy }, lane: " + lane +
               " }\ncapture: { cgroups: [/mesh] }\n";
    };
    const auto has_sockops = [this] {
        for (const auto& link : links())
            if (link.first.starts_with("shunt_sockops")) return true;
        return false;
    };
    RunningShunt running(sandbox_, config("auto"));
    EXPECT_FALSE(has_sockops());
    Load load(sandbox_.app(), {Family::kV4, Family::kV4, Family::kMapped, Family::kMapped});
    for (int round = 0; round < 3; ++round) {
        running.reload(config("record"));
        EXPECT_TRUE(has_sockops());
        load.at_least(1000);
        running.reload(config("auto"));
        EXPECT_FALSE(has_sockops());
        load.at_least(1000);
    }
    expect_all_right(load.finish(), proxy);
}

}  // namespace
}  // namespace shunt::harness
