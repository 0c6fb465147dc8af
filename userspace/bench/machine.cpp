// SPDX-License-Identifier: Apache-2.0
#include "bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/version.h"
#include "bench/process.h"

namespace shunt::bench {
namespace {

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// The value of the first line "NAME   : VALUE".
std::string field(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || !line.starts_with(name)) continue;
        const auto value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string::npos ? "" : line.substr(value);
    }
    return {};
}

std::string version_of(const std::string& program, const std::string& flag) {
    const auto path = find_program(program);
    if (path.empty()) return {};
    auto printed = run_program({}, {path, flag});
    if (!printed) return {};
    return printed->substr(0, printed->find('\n'));
}

// "/path/envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL", after an empty line.
std::string envoy_version() {
    const auto path = find_program("envoy");
    if (path.empty()) return {};
    const auto printed = run_program({}, {path, "--version"});
    if (!printed) return {};
    const auto commit = printed->find("version: ");
    const auto from = printed->find('/', commit == std::string::npos ? printed->size() : commit);
    if (from == std::string::npos) return {};
    return printed->substr(from + 1, printed->find('/', from + 1) - from - 1);
}

}  // namespace

Machine describe_machine() {
    Machine machine;
    machine.cpu = field("/proc/cpuinfo", "model name");
    machine.cpus = std::thread::hardware_concurrency();
    machine.hypervisor = first_line("/sys/hypervisor/type");
    if (machine.hypervisor.empty() && field("/proc/cpuinfo", "flags").find(" hypervisor") != std::string::npos)
        machine.hypervisor = "virtual machine";
    machine.memory_mb = static_cast<unsigned long>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<unsigned long>(sysconf(_SC_PAGE_SIZE)) / 1048576ul;
    utsname names{};
    uname(&names);
    machine.kernel = names.release;
    machine.clock_source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/devices/system/cpu/vulnerabilities", error))
        machine.mitigations[entry.path().filename()] = first_line(entry.path());
    const auto& build = base::build_info();
    machine.versions = {{"shunt", build.version + (build.revision.empty() ? "" : " " + build.revision)},
                        {"libbpf", build.libbpf},
                        {"iptables", version_of("iptables-legacy", "--version")},
                        {"nftables", version_of("nft", "--version")},
                        {"haproxy", version_of("haproxy", "-v")},
                        {"envoy", envoy_version()}};
    std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    machine.date = text;
    machine.load = std::strtod(first_line("/proc/loadavg").c_str(), nullptr);
    return machine;
}

}  // namespace shunt::bench
