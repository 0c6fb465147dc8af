// SPDX-License-Identifier: Apache-2.0
#include "kernel/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>

#include "kernel/log_capture.h"
#include "kernel/probe.h"

namespace shunt::kernel {
namespace {

// enum shunt_feature of bpf/maps.h.
constexpr std::uint32_t kRetvalBit = 1u << 0;
constexpr std::uint32_t kSockopsCookieBit = 1u << 1;
constexpr std::uint32_t kBtfBit = 1u << 2;
constexpr std::uint32_t kProbeReadBit = 1u << 3;
constexpr std::uint32_t kSockoptCookieBit = 1u << 4;
constexpr std::uint32_t kSockoptReadBit = 1u << 5;

// An empty program on a bad cgroup: a kernel without cgroup links says EINVAL for the command, one with them EBADF.
bool has_links() {
    LIBBPF_OPTS(bpf_link_create_opts, opts);
    return bpf_link_create(-1, -1, BPF_CGROUP_INET4_CONNECT, &opts) < 0 && errno == EBADF;
}

std::uint64_t effective_capabilities() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:")) return std::stoull(line.substr(7), nullptr, 16);
    return 0;
}

}  // namespace

bool has_btf() {
    const std::unique_ptr<btf, decltype(&btf__free)> kernel(btf__load_vmlinux_btf(), btf__free);
    return kernel && libbpf_get_error(kernel.get()) == 0;
}

std::uint32_t Features::bits() const {
    return (set_retval ? kRetvalBit : 0) | (sockops_cookie ? kSockopsCookieBit : 0) | (btf ? kBtfBit : 0) |
           (probe_read ? kProbeReadBit : 0) | (sockopt_cookie ? kSockoptCookieBit : 0) |
           (sockopt_read ? kSockoptReadBit : 0);
}

Features probe_features() {
    const LogCapture quiet;
    Features features;
    constexpr auto kConnect = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    const bpf_insn retval[] = {insn::set(BPF_REG_1, 0)};
    const bpf_insn eight_bytes_to_stack[] = {insn::copy(BPF_REG_1, BPF_REG_10), insn::add(BPF_REG_1, -8),
                                             insn::set(BPF_REG_2, 8), insn::set(BPF_REG_3, 0)};
    features.set_retval = takes_call(kConnect, BPF_CGROUP_INET4_CONNECT, retval, BPF_FUNC_set_retval);
    features.sockops_cookie = takes_call(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, {}, BPF_FUNC_get_netns_cookie);
    features.sockopt_cookie = features.sockops_cookie && takes_call(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT,
                                                                    {}, BPF_FUNC_get_netns_cookie);
    features.btf = has_btf();
    features.probe_read = features.btf && takes_call(kConnect, BPF_CGROUP_INET4_CONNECT, eight_bytes_to_stack,
                                                     BPF_FUNC_probe_read_kernel);
    features.sockopt_read = features.btf && !features.sockops_cookie &&
                            takes_call(BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, eight_bytes_to_stack,
                                       BPF_FUNC_probe_read_kernel);
    features.links = has_links();
    return features;
}

base::Status check_privileges() {
    const auto effective = effective_capabilities();
    const auto has = [&](int capability) { return (effective >> capability & 1) != 0; };
    std::string missing;
    const auto need = [&](bool present, const char* name) {
        if (!present) missing += missing.empty() ? name : std::string(", ") + name;
    };
    need(has(CAP_BPF) || has(CAP_SYS_ADMIN), "CAP_BPF");
    need(has(CAP_NET_ADMIN), "CAP_NET_ADMIN");
    need(has(CAP_PERFMON) || has(CAP_SYS_ADMIN), "CAP_PERFMON");
    if (missing.empty()) return {};
    return base::fail("missing privilege: " + missing +
                          " (run as root, or grant them, for example with "
                          "AmbientCapabilities= in the systemd unit)",
                      base::ExitCode::kPermission);
}

}  // namespace shunt::kernel
