// SPDX-License-Identifier: Apache-2.0
#include "daemon/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace shunt::daemon {
namespace {

using Halves = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;  // of 64 bits, the lower one first

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

std::uint64_t permitted(const Halves& halves) { return halves[0].permitted | std::uint64_t{halves[1].permitted} << 32; }

// For reloads and repairs: programs, links and tables; the first on kernels before 5.11 also against RLIMIT_MEMLOCK.
std::uint64_t needed(std::uint64_t have) {
    const auto own = bit(CAP_BPF) | bit(CAP_PERFMON);
    const auto all = own | bit(CAP_NET_ADMIN) | bit(CAP_SYS_RESOURCE);
    return have & ((have & own) == own ? all : all | bit(CAP_SYS_ADMIN));
}

}  // namespace

base::Status drop_privileges() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Halves halves{};
    if (syscall(SYS_capget, &header, halves.data()) != 0)
        return tl::unexpected(base::errno_error("read the capabilities", errno));
    const auto keep = needed(permitted(halves));
    // The bounding set first, while CAP_SETPCAP is there; without it, no_new_privs below has to do.
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if (!(keep & bit(capability))) (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    for (std::size_t half = 0; half < halves.size(); ++half) {
        const auto kept = static_cast<std::uint32_t>(keep >> 32 * half);
        halves[half] = {kept, kept, 0};
    }
    if (syscall(SYS_capset, &header, halves.data()) != 0)
        return tl::unexpected(base::errno_error("give up capabilities", errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return tl::unexpected(base::errno_error("set no_new_privs", errno));
    return {};
}

}  // namespace shunt::daemon
