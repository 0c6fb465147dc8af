// SPDX-License-Identifier: Apache-2.0
#include "bench/start_stage.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>

#include "bench/statistics.h"

namespace shunt::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(20);

std::uint64_t microseconds_since(std::uint64_t start_us) {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
    return static_cast<std::uint64_t>(now) - start_us;
}

// Dials a captured destination until the kernel gives the socket a loopback source, which only a redirect does, and
// answers the microseconds from `start`. The proxy's own listener is what is reached; nobody accepts.
base::Result<Words> wait_until_redirected(std::uint64_t start_us) {
    sockaddr_in wanted{};
    wanted.sin_family = AF_INET;
    wanted.sin_port = htons(9080);
    wanted.sin_addr.s_addr = htonl(0x0a600001);
    const auto patience = std::chrono::duration_cast<std::chrono::microseconds>(kPatience).count();
    while (microseconds_since(start_us) < static_cast<std::uint64_t>(patience)) {
        const kernel::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) return tl::unexpected(base::errno_error("socket", errno));
        (void)connect(fd.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof wanted);
        sockaddr_in local{};
        socklen_t size = sizeof local;
        if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
            ntohl(local.sin_addr.s_addr) >> 24 == 127)
            return Words{microseconds_since(start_us)};
        usleep(500);
    }
    return base::fail("no connection was redirected within 20 s");
}

double resident_mb(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    return 0;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

base::Status one_start(const Workplace& place, const std::string& folder, std::vector<double>& times,
                       double& resident) {
    if (auto made = place.make_cgroups(folder); !made) return made;
    auto netns = make_netns();
    if (!netns) return tl::unexpected(netns.error());
    const DialSetting setting{kNoPolicy, false, false};
    auto proxy = start_proxy({.netns = netns->fd.get(), .cgroup = place.proxy(folder)}, folder, setting);
    if (!proxy) return tl::unexpected(proxy.error());
    auto client = Worker::start({.netns = netns->fd.get(), .cgroup = place.app(folder)}, folder + ": client", [] {
        return base::Result<Worker::Serve>([](const Words& words) { return wait_until_redirected(words[0]); });
    });
    if (!client) return tl::unexpected(client.error());
    const auto base = place.directory() + "/" + folder;
    std::ofstream(base + ".yaml") << shunt_config(
        {2, 2, 10}, {place.configured(folder), place.configured(folder) + "/proxy", false, false});
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
    if (auto sent = client->send({static_cast<std::uint64_t>(now)}); !sent) return sent;
    auto controller = Program::start({},
                                     {"/proc/self/exe", "--pin-dir", place.bpffs() + "/" + folder, "--run-dir", base,
                                      "run", "--config", base + ".yaml"},
                                     base + ".log");
    if (!controller) return tl::unexpected(controller.error());
    auto waited = client->receive();
    if (!waited) return base::fail(waited.error().message + "\n" + read_file(base + ".log"));
    times.push_back(static_cast<double>((*waited)[0]) / 1000);
    resident = std::max(resident, resident_mb(controller->pid()));
    controller->stop(SIGTERM);
    return {};
}

}  // namespace

base::Result<StartResult> run_starts(const Workplace& place, unsigned runs) {
    std::vector<double> times;
    StartResult result{.runs = runs};
    for (unsigned i = 0; i < runs; ++i)
        if (auto done = one_start(place, "start-" + std::to_string(i), times, result.resident_mb); !done)
            return tl::unexpected(done.error());
    result.protected_ms = median(times);
    return result;
}

}  // namespace shunt::bench
