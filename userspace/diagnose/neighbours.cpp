// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>

#include "diagnose/checks.h"
#include "diagnose/rules.h"
#include "kernel/effective.h"
#include "kernel/fd.h"

namespace shunt::diagnose {
namespace {

constexpr auto kListingLimit = std::chrono::seconds(5);

// Standard output of a program run on this thread, and so in this thread's network namespace; nothing where it is not
// installed, fails or takes too long.
std::optional<std::string> output_of(const char* program, const char* first = nullptr, const char* second = nullptr) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    const kernel::Fd read_end(ends[0]);
    kernel::Fd write_end(ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return std::nullopt;
    if (pid == 0) {
        const int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(write_end.get(), 1);
        dup2(null, 2);
        execlp(program, program, first, second, nullptr);
        _exit(127);
    }
    write_end = kernel::Fd();
    std::string text;
    const auto deadline = std::chrono::steady_clock::now() + kListingLimit;
    char buffer[4096];
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd wait{read_end.get(), POLLIN, 0};
        const bool ready = left.count() > 0 && poll(&wait, 1, static_cast<int>(left.count())) > 0;
        if (!ready) kill(pid, SIGKILL);
        const ssize_t got = ready ? read(read_end.get(), buffer, sizeof buffer) : 0;
        if (got <= 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
    return text;
}

bool is_up(const char* device) {
    const kernel::Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
    return fd && ioctl(fd.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

// Three programs are run in each; machines with a thousand pods give them equal rules.
constexpr std::size_t kRulesRead = 32;

// Asking for legacy tables loads their module where nobody has yet; so only where this namespace has such tables.
bool has_legacy_tables(const char* names) {
    std::ifstream file(std::string("/proc/thread-self/net/") + names);
    std::string name;
    return static_cast<bool>(file >> name);
}

// iptables-save shows one of the two kinds of tables, whichever is the default here.
std::optional<std::string> saved_rules() {
    std::optional<std::string> all;
    const auto add = [&](const char* program) {
        if (const auto text = output_of(program)) all = all.value_or("") + *text;
    };
    add("iptables-save");
    add("ip6tables-save");
    if (has_legacy_tables("ip_tables_names")) add("iptables-legacy-save");
    if (has_legacy_tables("ip6_tables_names")) add("ip6tables-legacy-save");
    return all;
}

void check_rules(const Namespace& place, Findings& findings) {
    std::optional<std::string> saved, listed;
    inside(place, [&] {
        saved = saved_rules();
        listed = output_of("nft", "list", "ruleset");
    });
    if (!saved && !listed) {
        findings.push_back({"network.rules", State::kInfo,
                            "neither iptables-save nor nft could be run for " + place.label() +
                                ": whether rules are in the way was not seen",
                            ""});
        return;
    }
    auto breaking = judge_iptables(saved.value_or(""));
    // Where legacy is the default, its rules were asked for twice.
    const auto same = [](const auto& a, const auto& b) { return a.rule == b.rule; };
    breaking.erase(std::unique(breaking.begin(), breaking.end(), same), breaking.end());
    // iptables-nft's rules are in both lists; one word about each is enough.
    if (breaking.empty()) breaking = judge_nft(listed.value_or(""));
    for (const auto& rule : breaking)
        findings.push_back(
            {"network.rules", State::kBroken, "in " + place.label() + ": " + rule.rule + ": " + rule.why, rule.remedy});
    if (breaking.empty())
        findings.push_back(
            {"network.rules", State::kOk, "no rule of " + place.label() + " is known to be in the way", ""});
}

}  // namespace

void check_network(const Workload& workload, Findings& findings) {
    std::size_t read = 0;
    for (const auto& place : workload.namespaces) {
        bool up = false;
        if (!inside(place, [&] { up = is_up("lo"); })) {
            findings.push_back({"network", State::kInfo, place.label() + " could not be entered", ""});
            continue;
        }
        if (up)
            findings.push_back({"network.lo", State::kOk, "lo is up in " + place.label(), ""});
        else
            findings.push_back({"network.lo", State::kBroken,
                                "lo is down in " + place.label() + ": no redirected connection reaches the proxy",
                                "ip link set lo up, in that network namespace"});
        if (read < kRulesRead) {
            check_rules(place, findings);
            ++read;
        }
    }
    if (const auto rest = workload.namespaces.size() - read; read == kRulesRead && rest > 0)
        findings.push_back({"network.rules", State::kInfo,
                            "rules were read in " + std::to_string(read) + " network namespaces; " +
                                std::to_string(rest) + " more were not asked",
                            ""});
}

void check_foreign_programs(const Subject& subject, Findings& findings) {
    std::set<std::uint32_t> ours;
    std::set<std::string> types{"cgroup_inet4_connect", "cgroup_inet6_connect"};
    for (const auto& link : subject.snapshot.links) {
        ours.insert(link.program_id);
        types.insert(link.attach_type);
    }
    std::set<std::uint32_t> told;
    std::size_t before = findings.size();
    for (const auto& cgroup : subject.captured) {
        for (const auto& type : types) {
            const auto programs = kernel::effective_programs(cgroup, type);
            if (!programs) {
                findings.push_back({"programs", State::kInfo, programs.error().message, ""});
                return;
            }
            for (const auto& program : *programs) {
                if (ours.contains(program.id) || !told.insert(program.id).second) continue;
                const auto name = (program.name.empty() ? "without a name" : program.name) + " (id " +
                                  std::to_string(program.id) + ", " + type + ") runs too for " + cgroup;
                if (program.name.starts_with("cil_sock"))
                    findings.push_back({"programs", State::kWarn,
                                        "Cilium's socket load balancer: " + name +
                                            ": where it runs first, services are seen as backends",
                                        "set socketLB.hostNamespaceOnly=true in Cilium's configuration"});
                else
                    findings.push_back({"programs", State::kInfo, "another's program " + name, ""});
            }
        }
    }
    if (!subject.captured.empty() && findings.size() == before)
        findings.push_back({"programs", State::kOk, "no programs but ours run for the captured cgroups", ""});
}

}  // namespace shunt::diagnose
