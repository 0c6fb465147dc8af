// SPDX-License-Identifier: Apache-2.0
#include "bench/proxy_stage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <sstream>

#include "bench/http_client.h"
#include "bench/statistics.h"

namespace shunt::bench {
namespace {

constexpr unsigned kBatch = 200;

constexpr const char* kHaproxyText =
    "global\n    nbthread 1\n    maxconn 4000\n"
    "defaults\n    mode http\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n"
    "frontend intercept\n    bind 0.0.0.0:15001\n"
    "    http-request return status 200 content-type text/plain lf-string \"[%[dst]:%[dst_port]]\"\n";

constexpr const char* kEnvoyText = R"(static_resources:
  listeners:
  - address: { socket_address: { address: 0.0.0.0, port_value: 15001 } }
    listener_filters:
    - name: original_dst
      typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          http_filters:
          - name: router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              response_headers_to_add:
              - header: { key: x-original-destination, value: "[%DOWNSTREAM_LOCAL_ADDRESS%]" }
              routes:
              - match: { prefix: "/" }
                direct_response: { status: 200 }
)";

struct Side {
    std::string arm, client_cgroup, proxy_cgroup;
    Program proxy;
    Worker client;
    std::vector<double> seconds;  // of each batch
    std::vector<double> times;    // of each connection, ns
    double client_us = 0, proxy_us = 0;
    ArmProof proof;
};

double used_us(const std::string& cgroup) {
    std::ifstream file(cgroup + "/cpu.stat");
    std::string key;
    double value = 0;
    while (file >> key >> value)
        if (key == "usage_usec") return value;
    return 0;
}

base::Result<Program> start_real(RealProxy proxy, const Workplace& place, const Arm& arm, int cpu) {
    const std::string base = fmt::format("{}/{}-{}", place.directory(), to_string(proxy), arm.spec().name);
    const bool envoy = proxy == RealProxy::kEnvoy;
    const auto config = base + (envoy ? ".yaml" : ".cfg");
    std::ofstream(config) << (envoy ? kEnvoyText : kHaproxyText);
    std::vector<std::string> words{find_program("haproxy"), "-db", "-f", config};
    if (envoy)
        words = {find_program("envoy"), "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "critical"};
    return Program::start({.netns = arm.netns().fd.get(), .cgroup = place.proxy(arm.folder()), .cpu = cpu}, words,
                          base + ".log");
}

std::string log_of(RealProxy proxy, const Workplace& place, const std::string& arm) {
    std::ifstream file(fmt::format("{}/{}-{}.log", place.directory(), to_string(proxy), arm));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str().substr(0, 2000);
}

base::Status run_batch(Side& side, std::uint64_t seed) {
    const double client = used_us(side.client_cgroup), proxy = used_us(side.proxy_cgroup);
    const auto start = std::chrono::steady_clock::now();
    auto answer = side.client.ask({seed, kBatch});
    side.seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (!answer) return tl::unexpected(answer.error());
    side.client_us += used_us(side.client_cgroup) - client;
    side.proxy_us += used_us(side.proxy_cgroup) - proxy;
    auto& proof = side.proof;
    proof.connections += kBatch;
    proof.seen += kBatch;  // each was answered
    proof.right += (*answer)[0];
    if ((*answer)[0] != kBatch && proof.first_wrong.empty()) proof.first_wrong = "the proxy named another one";
    side.times.insert(side.times.end(), answer->begin() + 1, answer->end());
    return {};
}

ProxyFigures describe(Side& side) {
    ProxyFigures figures{side.arm, side.times.size()};
    figures.per_second = kBatch / median(side.seconds);
    std::sort(side.times.begin(), side.times.end());
    figures.p50_ns = side.times[side.times.size() / 2];
    figures.p99_ns = side.times[side.times.size() * 99 / 100];
    figures.client_cpu_us = side.client_us / static_cast<double>(side.times.size());
    figures.proxy_cpu_us = side.proxy_us / static_cast<double>(side.times.size());
    figures.proof = side.proof;
    return figures;
}

}  // namespace

const char* to_string(RealProxy proxy) { return proxy == RealProxy::kEnvoy ? "envoy" : "haproxy"; }

std::string missing_for(RealProxy proxy) {
    const std::string name = to_string(proxy);
    return find_program(name).empty() ? name + " is not installed" : "";
}

base::Result<std::vector<ProxyFigures>> run_proxy(RealProxy proxy, const Workplace& place, std::vector<Arm>& arms,
                                                  const Until& until, int cpu, std::uint64_t seed,
                                                  const Progress& progress) {
    std::vector<Side> sides;
    for (auto& arm : arms) {
        const auto& name = arm.spec().name;
        auto started = start_real(proxy, place, arm, cpu);
        if (!started) return tl::unexpected(started.error());
        const Seat seat{.netns = arm.netns().fd.get(), .cgroup = place.app(arm.folder()), .cpu = cpu};
        auto client = start_http_client(seat, name, arm.spec().mechanism == Mechanism::kNone);
        if (!client) return base::fail(client.error().message + "\n" + log_of(proxy, place, name));
        sides.push_back({name,
                         place.app(arm.folder()),
                         place.proxy(arm.folder()),
                         std::move(*started),
                         std::move(*client),
                         {},
                         {},
                         0,
                         0,
                         {}});
        sides.back().proof.arm = fmt::format("{} through {}", name, to_string(proxy));
    }
    std::vector<std::optional<std::uint64_t>> before;
    for (auto& arm : arms) {
        auto hits = arm.hits();
        if (!hits) return tl::unexpected(hits.error());
        before.push_back(*hits);
    }
    std::mt19937_64 random(seed);
    std::vector<std::size_t> order(sides.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto start = std::chrono::steady_clock::now();
    for (unsigned round = 0; until.goes_on(round); ++round) {
        if (!progress(until.part(round, start))) return base::fail("interrupted");
        std::shuffle(order.begin(), order.end(), random);
        const auto batch_seed = random();
        for (const auto i : order)
            if (auto ran = run_batch(sides[i], batch_seed); !ran) return tl::unexpected(ran.error());
    }
    std::vector<ProxyFigures> figures;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        auto hits = arms[i].hits();
        if (!hits) return tl::unexpected(hits.error());
        if (*hits) sides[i].proof.hits = **hits - *before[i];
        figures.push_back(describe(sides[i]));
    }
    return figures;
}

}  // namespace shunt::bench
