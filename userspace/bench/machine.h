// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace shunt::bench {

// What figures depend on besides the code. Nothing that names the host.
struct Machine {
    std::string cpu;
    unsigned cpus = 0;
    std::string hypervisor;  // empty: none that shows
    unsigned long memory_mb = 0;
    std::string kernel;  // release
    std::string clock_source;
    std::map<std::string, std::string> mitigations;  // vulnerability -> what the kernel says
    std::map<std::string, std::string> versions;     // shunt, libbpf, iptables, nft, haproxy, envoy; empty: missing
    std::string date;                                // UTC, ISO 8601
    double load = 0;                                 // of the last minute, before the run
};

Machine describe_machine();

}  // namespace shunt::bench
