// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <fstream>

#include "diagnose/checks.h"
#include "kernel/cgroup.h"
#include "kernel/features.h"
#include "kernel/pins.h"
#include "kernel/survey.h"

namespace shunt::diagnose {
namespace {

constexpr rlim_t kEnoughFiles = 4096;
constexpr rlim_t kEnoughMemlock = 256u << 20;
constexpr int kEnoughPorts = 10000;

std::string text_of(rlim_t limit) { return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit); }

void check_ports(Findings& findings) {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    int first = 0, last = 0;
    if (!(file >> first >> last)) return;
    const bool enough = last - first + 1 >= kEnoughPorts;
    findings.push_back(
        {"limits.ports", enough ? State::kOk : State::kWarn,
         "ephemeral ports " + std::to_string(first) + "-" + std::to_string(last) + " (each destination has them all)",
         enough ? "" : "widen net.ipv4.ip_local_port_range"});
}

}  // namespace

void check_privileges(Findings& findings) {
    if (const auto allowed = kernel::check_privileges(); !allowed)
        findings.push_back({"privileges", State::kBroken, allowed.error().message,
                            "run doctor as root; what follows is what can be seen without"});
    else
        findings.push_back({"privileges", State::kOk, "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there", ""});
}

void check_features(Report& report) {
    if (!kernel::check_privileges()) return;
    for (const auto& feature : kernel::survey_features()) {
        report.features[feature.name] = feature.present;
        Finding finding{std::string("feature.") + feature.name, State::kOk, std::string("for ") + feature.used_for, ""};
        if (!feature.present) {
            finding.state = feature.required ? State::kBroken : State::kInfo;
            finding.detail = std::string("missing, for ") + feature.used_for + "; without it: " + feature.without;
            if (feature.required) finding.remedy = "a kernel that has it (docs/kernels.md)";
        }
        report.findings.push_back(std::move(finding));
    }
}

void check_limits(Report& report) {
    auto& findings = report.findings;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        const bool enough = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= kEnoughFiles;
        findings.push_back({"limits.nofile", enough ? State::kOk : State::kWarn,
                            "open files " + text_of(limit.rlim_cur) + ", at most " + text_of(limit.rlim_max),
                            enough ? "" : "raise it (LimitNOFILE= in the systemd unit)"});
    }
    // Maps count against it before 5.11 only; libbpf raises it then where it may.
    const auto accounting = report.features.find("memcgAccounting");
    const bool counts = accounting == report.features.end() || !accounting->second;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        const bool enough = !counts || limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= kEnoughMemlock;
        findings.push_back({"limits.memlock", enough ? State::kOk : State::kWarn,
                            "locked memory " + text_of(limit.rlim_cur) + ", at most " + text_of(limit.rlim_max) +
                                (counts ? "" : "; maps do not count against it on this kernel"),
                            enough ? "" : "raise it (LimitMEMLOCK=infinity in the systemd unit)"});
    }
    check_ports(findings);
}

void check_mounts(const Subject& subject, Findings& findings) {
    if (const auto mount = kernel::cgroup2_mount())
        findings.push_back({"mounts.cgroup2", State::kOk, "cgroup2 at " + *mount, ""});
    else
        findings.push_back(
            {"mounts.cgroup2", State::kBroken, mount.error().message, "mount -t cgroup2 none /sys/fs/cgroup/unified"});
    if (const auto root = kernel::pin_root(subject.options.paths, false))
        findings.push_back({"mounts.bpffs", State::kOk, "pins belong to " + *root, ""});
    else
        findings.push_back(
            {"mounts.bpffs", State::kInfo, "no bpffs is mounted at /sys/fs/bpf; 'shunt run' mounts one there", ""});
}

}  // namespace shunt::diagnose
