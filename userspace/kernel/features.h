// SPDX-License-Identifier: Apache-2.0
// What the running kernel and this process's privileges allow; found by trying, never by comparing versions.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace shunt::kernel {

struct Features {
    bool set_retval = false;      // a refused connect() gets its real errno
    bool sockops_cookie = false;  // network namespace cookie in sockops
    bool sockopt_cookie = false;  // and in getsockopt, in the same terms
    bool sockopt_read = false;    // or, where sockops has none, its inode number in getsockopt
    bool btf = false;             // kernel BTF: a socket's own credentials, namespace inode
    bool probe_read = false;      // a namespace's addresses, for sockets with a bound source port
    bool links = false;           // BPF links on cgroups

    std::uint32_t bits() const;  // enum shunt_feature, for the programs
};

Features probe_features();
bool has_btf();  // on its own; libbpf says why not, to the caller's LogCapture

// The capabilities without which nothing can be loaded: CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or CAP_SYS_ADMIN for
// the first and the last. Names every one that is missing (ExitCode::kPermission).
base::Status check_privileges();

}  // namespace shunt::kernel
