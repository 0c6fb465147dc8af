// SPDX-License-Identifier: Apache-2.0
// A connection through the real programs, in a network namespace, mount namespace, bpffs and cgroups of its own. All
// but the cgroups goes with the child process, however it ends; the cgroups are removed by the parent.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "diagnose/checks.h"
#include "kernel/cgroup.h"
#include "kernel/fd.h"
#include "kernel/features.h"
#include "sync/controller.h"

namespace shunt::diagnose {
namespace {

constexpr std::uint16_t kProxyPort = 15001;
constexpr int kWaitMs = 3000;
constexpr auto kProbeLimit = std::chrono::seconds(30);
constexpr const char* kDestinationV4 = "198.51.100.7";  // documentation ranges: nobody's
constexpr const char* kDestinationV6 = "2001:db8::7";
constexpr std::uint16_t kDestinationPort = 443;

struct Place {
    std::string cgroup;     // captured; .../app and .../proxy are below it
    std::string directory;  // a bpffs is mounted there, in the child's mount namespace only
};

base::Status failed(const std::string& what) { return tl::unexpected(base::errno_error(what, errno)); }

base::Status join(const std::string& cgroup) {
    const kernel::Fd fd(open((cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || write(fd.get(), "0", 1) != 1) return failed("join " + cgroup);
    return {};
}

base::Status enter_own_namespaces(const Place& place) {
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return failed("a network and mount namespace");
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("private mounts");
    if (mount("bpf", place.directory.c_str(), "bpf", 0, "mode=0700") != 0) return failed("a bpffs");
    const kernel::Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (!fd || ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return failed("lo up");
    return {};
}

model::Mesh mesh_for(const Place& place, bool v6) {
    model::Mesh mesh;
    mesh.proxy.listen_v4 = {{base::Address::v4(0), kProxyPort}, {}};
    if (v6) mesh.proxy.listen_v6 = {{base::Address{}, kProxyPort}, {}};
    mesh.proxy.identity.cgroup = {place.cgroup + "/proxy", {}};
    mesh.capture.cgroups = {{place.cgroup, {}}};
    mesh.capture.include_ranges.all = true;
    mesh.capture.include_owner_groups.all = true;
    mesh.capture.loopback_v4.value = {base::Address::v4(INADDR_LOOPBACK), 32};
    return mesh;
}

// One family's addresses as the kernel takes them.
struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size = 0;
    Endpoint(int family, const char* address, std::uint16_t port) {
        storage.ss_family = static_cast<sa_family_t>(family);
        if (family == AF_INET) {
            auto& in = reinterpret_cast<sockaddr_in&>(storage);
            in.sin_port = htons(port);
            inet_pton(family, address, &in.sin_addr);
            size = sizeof in;
        } else {
            auto& in = reinterpret_cast<sockaddr_in6&>(storage);
            in.sin6_port = htons(port);
            inet_pton(family, address, &in.sin6_addr);
            size = sizeof in;
        }
    }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

bool is_destination(const sockaddr_storage& got, const Endpoint& dialled) {
    if (got.ss_family != dialled.storage.ss_family) return false;
    if (got.ss_family == AF_INET) {
        const auto& a = reinterpret_cast<const sockaddr_in&>(got);
        const auto& b = reinterpret_cast<const sockaddr_in&>(dialled.storage);
        return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    const auto& a = reinterpret_cast<const sockaddr_in6&>(got);
    const auto& b = reinterpret_cast<const sockaddr_in6&>(dialled.storage);
    return a.sin6_port == b.sin6_port && std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
}

struct Lane {
    int family;
    kernel::Fd listener;
};

base::Result<Lane> open_proxy(int family) {
    Lane lane{family, kernel::Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
    const int on = 1;
    if (family == AF_INET6) setsockopt(lane.listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    Endpoint wildcard(family, family == AF_INET ? "0.0.0.0" : "::", kProxyPort);
    if (!lane.listener || bind(lane.listener.get(), wildcard.get(), wildcard.size) != 0 ||
        listen(lane.listener.get(), 8) != 0)
        return tl::unexpected(base::errno_error("the probe's proxy", errno));
    return lane;
}

// A client that dials the destination and a proxy that asks for it.
base::Status converse(const Lane& lane) {
    Endpoint destination(lane.family, lane.family == AF_INET ? kDestinationV4 : kDestinationV6, kDestinationPort);
    const kernel::Fd client(socket(lane.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{kWaitMs / 1000, 0};
    setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (!client || connect(client.get(), destination.get(), destination.size) != 0) return failed("connect()");
    pollfd wait{lane.listener.get(), POLLIN, 0};
    if (poll(&wait, 1, kWaitMs) <= 0) return base::fail("the connection did not reach the proxy");
    const kernel::Fd accepted(accept4(lane.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted) return failed("accept()");
    sockaddr_storage got{};
    socklen_t size = sizeof got;
    // The number is the same for both families (IP6T_SO_ORIGINAL_DST).
    if (getsockopt(accepted.get(), lane.family == AF_INET ? SOL_IP : SOL_IPV6, SO_ORIGINAL_DST, &got, &size) != 0)
        return failed("SO_ORIGINAL_DST");
    if (!is_destination(got, destination)) return base::fail("SO_ORIGINAL_DST gave another destination");
    got = {};
    size = sizeof got;
    if (getpeername(client.get(), reinterpret_cast<sockaddr*>(&got), &size) != 0) return failed("getpeername()");
    if (!is_destination(got, destination)) return base::fail("getpeername() gave another destination");
    return {};
}

base::Status run_probe(const Place& place, std::string& done) {
    if (auto entered = enter_own_namespaces(place); !entered) return entered;
    // The proxy's sockets are made inside the proxy's cgroup, the client's inside the application's.
    if (auto joined = join(place.cgroup + "/proxy"); !joined) return joined;
    std::vector<Lane> lanes;
    for (const int family : {AF_INET, AF_INET6}) {
        auto lane = open_proxy(family);
        if (lane)
            lanes.push_back(std::move(*lane));
        else if (family == AF_INET)
            return tl::unexpected(lane.error());
        else
            done = "IPv4 (no IPv6 on this machine)";
    }
    if (auto joined = join(place.cgroup + "/app"); !joined) return joined;
    // First without the programs: it must not arrive, or what follows would prove nothing.
    for (const auto& lane : lanes)
        if (converse(lane)) return base::fail("the probe's destination answered without shunt");
    const kernel::Paths paths{place.directory + "/shunt", place.directory};
    base::Status result;
    {
        sync::ApplyReport report;
        const auto controller = sync::Controller::start(paths, mesh_for(place, lanes.size() > 1), report);
        if (!controller) return tl::unexpected(controller.error());
        for (const auto& lane : lanes) {
            const auto spoken = converse(lane);
            if (!spoken && result) result = base::wrap(lane.family == AF_INET ? "IPv4" : "IPv6", spoken.error());
        }
    }
    if (const auto removed = sync::uninstall(paths, 0); !removed && result) return tl::unexpected(removed.error());
    if (done.empty()) done = "IPv4 and IPv6";
    return result;
}

// The child's one word to its parent: "ok ..." or "no ...".
std::string ask_child(const Place& place) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
    const kernel::Fd read_end(ends[0]);
    kernel::Fd write_end(ends[1]);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return "no process could be made";
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        std::string done;
        const auto result = run_probe(place, done);
        const auto text = result ? "ok " + done : "no " + result.error().message;
        _exit(write(write_end.get(), text.data(), text.size()) < 0);
    }
    write_end = kernel::Fd();
    pollfd wait{read_end.get(), POLLIN, 0};
    std::string text(4096, '\0');
    const int ready = poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kProbeLimit).count()));
    if (ready <= 0) kill(pid, SIGKILL);
    const ssize_t got = ready > 0 ? read(read_end.get(), text.data(), text.size()) : 0;
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    waitpid(pid, nullptr, 0);
    return text.empty() ? "no answer in time" : text;
}

void remove_place(const Place& place) {
    for (const auto& path : {place.cgroup + "/app", place.cgroup + "/proxy", place.cgroup})
        // A cgroup counts its processes a moment longer than wait() does.
        for (int tries = 0; rmdir(path.c_str()) != 0 && errno == EBUSY && tries < 100; ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    rmdir(place.directory.c_str());
}

}  // namespace

void probe(Findings& findings) {
    const auto mount = kernel::cgroup2_mount();
    if (!mount || !kernel::check_privileges() || geteuid() != 0) {
        findings.push_back({"probe", State::kInfo, "not made: it needs root and a cgroup2 file system", ""});
        return;
    }
    const auto name = "shunt-doctor-" + std::to_string(getpid());
    const Place place{*mount + "/" + name, "/run/" + name};
    std::string answer;
    if (mkdir(place.directory.c_str(), 0700) != 0 || mkdir(place.cgroup.c_str(), 0755) != 0 ||
        mkdir((place.cgroup + "/app").c_str(), 0755) != 0 || mkdir((place.cgroup + "/proxy").c_str(), 0755) != 0)
        answer = "no " + base::errno_error("a place for it", errno).message;
    else
        answer = ask_child(place);
    remove_place(place);
    if (answer.starts_with("ok "))
        findings.push_back({"probe", State::kOk,
                            "a connection in a place of its own was redirected, and its original destination told: " +
                                answer.substr(3),
                            ""});
    else
        findings.push_back({"probe", State::kBroken,
                            "a connection in a place of its own was not redirected: " + answer.substr(3),
                            "look at the features above; 'shunt -v run -c FILE' shows the verifier's log"});
}

}  // namespace shunt::diagnose
