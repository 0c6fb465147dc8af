// SPDX-License-Identifier: Apache-2.0
// Load with faults: docs/reliability.md says what happens here and what came of it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "faults.h"
#include "harness/error.h"
#include "harness/netns.h"
#include "lifecycle_fixture.h"

namespace shunt::soak {
namespace {

using namespace std::chrono_literals;
using harness::Batch;
using harness::Family;
using harness::Placement;

constexpr char kHaproxySource[] = "198.18.0.2";  // of HAProxy's own connections, and nobody else's

Batch batch(Family family) {
    Batch batch{.count = 40, .family = family};
    for (int i = 1; i < 60; ++i) {
        const auto n = std::to_string(i), port = std::string(i % 2 ? "80" : "9080");
        batch.destinations.push_back(family == Family::kV6 ? "[2001:db8:9::" + n + "]:" + port
                                                           : "10." + n + ".3." + n + ":" + port);
    }
    return batch;
}

Batch bound(const std::string& source) {
    auto one = batch(Family::kV4);
    one.source = source;
    one.source_ports = 1000;
    one.reset = true;
    return one;
}

std::string haproxy_config(const std::string& directory) {
    const auto path = directory + "/haproxy.cfg";
    std::ofstream(path) << "global\n    maxconn 2000\n    nbthread 1\n    log stdout format raw local0 emerg\n"
                           "defaults\n    mode tcp\n    timeout connect 60s\n    timeout client 60s\n"
                           "    timeout server 60s\n"
                           "frontend intercept\n    bind 0.0.0.0:15002\n"
                           "    tcp-request connection reject if { dst_port 15002 }\n"
                           "    default_backend original\n"
                           "backend original\n    server original 0.0.0.0:0 source 198.18.0.2\n";
    return path;
}

struct Options {
    double minutes = 1;
    unsigned seed = 0;
};

int report(const Options& options, const std::list<Stream>& streams, const Faults& faults, const Promises& promises,
           std::uint64_t proxy_wrong, double seconds) {
    harness::BatchResult all;
    bool good = true;
    fmt::print("{:24} {:>10} {:>8} {:>8} {:>8} {:>10}  errors\n", "stream", "answered", "wrong", "missing", "cut",
               "gap ms");
    for (const auto& stream : streams) {
        all += stream.sum;
        fmt::print("{:24} {:>10} {:>8} {:>8} {:>8} {:>10}  {}\n", stream.name, stream.sum.ok, stream.sum.wrong,
                   stream.sum.missing, stream.sum.silent, stream.worst_gap.count(), harness::to_text(stream.sum));
        if (stream.sum.ok == 0) good = false;
    }
    std::uint64_t faults_made = 0;
    for (const auto& [name, count] : faults.happened()) {
        faults_made += count;
        fmt::print("fault: {}: {}\n", name, count);
    }
    for (const auto& [what, times] : promises.explained()) fmt::print("explained: {}: {}\n", what, times);
    const auto unexplained = promises.unexplained();
    for (const auto& line : unexplained) fmt::print("NOT PROMISED: {}\n", line);
    for (const auto& complaint : faults.complaints()) fmt::print("complaint: {}\n", complaint);
    fmt::print("{} faults of {} kinds; a detached link was away for {} ms at most, a removed pin for {} ms\n",
               faults_made, faults.happened().size(), faults.longest_detached().count(),
               faults.longest_unpinned().count());
    fmt::print(
        "{} connections answered in {:.0f} s ({:.0f}/s), {} wrong or past the proxy, {} missing, {} told wrong "
        "by the proxy's count; seed {}\n",
        all.ok, seconds, static_cast<double>(all.ok) / seconds, all.wrong, all.missing, proxy_wrong, options.seed);
    good = good && all.wrong == 0 && all.missing == 0 && proxy_wrong == 0 && faults.complaints().empty() &&
           unexplained.empty();
    fmt::print("{}\n", good ? "passed" : "FAILED");
    return good ? 0 : 1;
}

// The same load once more without shunt: a soak that would not see this has shown nothing.
bool sees_an_escape(const Placement& place, harness::RunningShunt& shunt) {
    shunt.uninstall();
    harness::Dialer dialer(place);
    const auto result = dialer.run(batch(Family::kV4));
    return result.ok == 0 && result.wrong == result.connected && result.wrong > 0;
}

// A proxy that goes without being announced: errors that nothing explains.
bool sees_a_broken_promise(const Placement& place, std::unique_ptr<harness::ProbeProxy>& proxy) {
    Promises promises(SHUNT_README);
    Load load(promises);
    load.add_probe("unannounced", place, batch(Family::kV4));
    proxy.reset();
    for (int look = 0; look < 6'000 && promises.unexplained().empty(); ++look) std::this_thread::sleep_for(10ms);
    load.finish();
    return !promises.unexplained().empty();
}

int soak(const Options& options) {
    const harness::Sandbox sandbox("soak");
    const auto client = sandbox.client_side();
    harness::run_command(client, {"ip", "link", "add", "sink", "type", "veth", "peer", "name", "sunk"});
    harness::run_command(client, {"ip", "link", "set", "sunk", "up"});
    harness::run_command(client, {"ip", "link", "set", "sink", "arp", "off", "up"});
    harness::run_command(client, {"ip", "route", "add", "100.64.0.0/10", "dev", "sink"});
    harness::run_in(client, [] {
        harness::set_sysctl("net/ipv4/ip_local_port_range", "10000 48000");
        return std::string();
    });
    harness::run_command(client, {"ip", "address", "add", std::string(kHaproxySource) + "/32", "dev", "lo"});
    harness::run_command(sandbox.server_side(), {"ip", "route", "add", std::string(kHaproxySource) + "/32", "via",
                                                 harness::kClientV4, "table", "local"});
    const auto second = sandbox.second_client_netns();
    const harness::ScratchCgroup ha(sandbox.root_cgroup() + "/ha"), haproxy(sandbox.root_cgroup() + "/haproxy");
    const harness::DirectServer server(sandbox, {80, 9080});
    auto proxy = std::make_unique<harness::ProbeProxy>(sandbox, soak_proxy());
    const harness::ProbeProxy proxy2({.netns = second, .cgroup = sandbox.proxy_cgroup()}, soak_proxy());
    const auto file = haproxy_config(sandbox.directory());
    const harness::Child haproxy_process({.netns = sandbox.client_netns(), .cgroup = haproxy.path()}, [&](int) {
        execlp("haproxy", "haproxy", "-q", "-db", "-f", file.c_str(), nullptr);
    });
    harness::RunningShunt shunt(sandbox, soak_config("auto"));
    for (int tries = 0; harness::run_command(client, {"ss", "-Hltn", "sport = :15002"}).empty(); ++tries) {
        if (tries == 500) throw std::runtime_error("HAProxy does not listen");
        std::this_thread::sleep_for(10ms);
    }

    std::string why_not;
    const auto memory = MemoryLimit::make(sandbox, why_not);
    if (!memory) fmt::print("NOT MADE: memory limit: {}\n", why_not);
    const auto conntrack = FullConntrack::make("/run/netns/" + sandbox.name() + "-ct", why_not);
    if (!conntrack) fmt::print("NOT MADE: conntrack table full: {}\n", why_not);
    std::optional<harness::ProbeProxy> proxy3;
    if (conntrack)
        proxy3.emplace(Placement{.netns = conntrack->netns(), .cgroup = sandbox.proxy_cgroup()}, soak_proxy());

    Promises promises(SHUNT_README);
    Load load(promises);
    const Placement app2{.netns = second, .cgroup = sandbox.app_cgroup()};
    load.add_probe("v4", sandbox.app(), batch(Family::kV4));
    load.add_probe("v4 again", sandbox.app(), batch(Family::kV4));
    load.add_probe("v4-mapped", sandbox.app(), batch(Family::kMapped));
    load.add_probe("v6", sandbox.app(), batch(Family::kV6));
    load.add_probe("v4, port bound", sandbox.app(), bound("0.0.0.0:48500"));
    load.add_probe("second namespace v4", app2, batch(Family::kV4));
    load.add_probe("second namespace v6", app2, batch(Family::kV6));
    load.add_haproxy("HAProxy", {.netns = sandbox.client_netns(), .cgroup = ha.path()}, kHaproxySource);

    if (memory) memory->add(load.add_probe("v4, memory limit", sandbox.app(), batch(Family::kV4)));

    std::mt19937 random(options.seed);
    Faults faults({sandbox, load, shunt, proxy, memory.get(), conntrack.get()}, promises, random);
    fmt::print("seed {}\n", options.seed);
    std::fflush(stdout);
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + std::chrono::duration<double, std::ratio<60>>(options.minutes);
    while (std::chrono::steady_clock::now() < end) faults.next();
    const auto& streams = load.finish();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    auto wrong = faults.proxy_wrong();
    const auto add_wrong_of = [&](const harness::ProbeProxy& other) {
        const auto counts = other.counts();
        wrong += counts.wrong + counts.missing;
    };
    add_wrong_of(proxy2);
    if (proxy3) add_wrong_of(*proxy3);
    const auto code = report(options, streams, faults, promises, wrong, took.count());
    if (!sees_a_broken_promise(sandbox.app(), proxy)) {
        fmt::print("FAILED: errors that nothing explains are not seen\n");
        return 1;
    }
    if (sees_an_escape(sandbox.app(), shunt)) return code;
    fmt::print("FAILED: connections without shunt are not seen to be direct\n");
    return 1;
}

}  // namespace
}  // namespace shunt::soak

int main(int argc, char** argv) {
    CLI::App app("Keeps connections going while things break, and counts what went past the proxy or was told wrong.");
    shunt::soak::Options options;
    options.seed = std::random_device()() & 0xffffff;
    app.add_option("--minutes", options.minutes, "How long")->check(CLI::PositiveNumber);
    app.add_option("--seed", options.seed, "Order of the faults; printed, random where not given");
    CLI11_PARSE(app, argc, argv);
    try {
        return shunt::soak::soak(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "soak: {}\n", error.what());
        return 1;
    }
}
