// SPDX-License-Identifier: Apache-2.0
#include "kernel/survey.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/fd.h"
#include "kernel/features.h"
#include "kernel/iterators.h"
#include "kernel/log_capture.h"
#include "kernel/probe.h"

namespace shunt::kernel {
namespace {

bool map(bpf_map_type type) { return libbpf_probe_bpf_map_type(type, nullptr) == 1; }

bool lpm_batch() {
    LIBBPF_OPTS(bpf_map_create_opts, create);
    create.map_flags = BPF_F_NO_PREALLOC;
    const Fd fd(bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "shunt_probe", 8, 4, 1, &create));
    if (!fd) return false;
    const __u32 key[2] = {8, 10};
    const __u32 value = 1;
    __u32 count = 1;
    LIBBPF_OPTS(bpf_map_batch_opts, opts);
    return bpf_map_update_batch(fd.get(), key, &value, &count, &opts) == 0;
}

}  // namespace

std::vector<SurveyedFeature> survey_features() {
    const Features base = probe_features();
    const LogCapture quiet;
    constexpr auto kConnect = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    constexpr auto kSockops = BPF_PROG_TYPE_SOCK_OPS;
    constexpr auto kSockopt = BPF_PROG_TYPE_CGROUP_SOCKOPT;
    const auto helper = [](bpf_prog_type type, bpf_func_id id) {
        const auto attach = type == kConnect   ? BPF_CGROUP_INET4_CONNECT
                            : type == kSockopt ? BPF_CGROUP_GETSOCKOPT
                                               : BPF_CGROUP_SOCK_OPS;
        return allows_helper(type, attach, id);
    };
    constexpr const char* kNothing = "nothing can be redirected";
    const bool getpeername =
        takes(kConnect, BPF_CGROUP_INET4_GETPEERNAME) && takes(kConnect, BPF_CGROUP_INET6_GETPEERNAME);
    const bool getsockname =
        takes(kConnect, BPF_CGROUP_INET4_GETSOCKNAME) && takes(kConnect, BPF_CGROUP_INET6_GETSOCKNAME);
    return {
        {"cgroupLinks", base.links, true, "attaching, and replacing programs without a gap", kNothing},
        {"connectHooks", takes(kConnect, BPF_CGROUP_INET4_CONNECT) && takes(kConnect, BPF_CGROUP_INET6_CONNECT), true,
         "the decision about each connect()", kNothing},
        {"bindHooks", takes(kConnect, BPF_CGROUP_INET4_BIND) && takes(kConnect, BPF_CGROUP_INET6_BIND), true,
         "telling sources of the application from ours", kNothing},
        {"getpeernameHooks", getpeername, true, "getpeername() that says what was dialled", kNothing},
        {"getsocknameHooks", getsockname, true, "clientAddress", kNothing},
        {"getsockoptHook", takes(kSockopt, BPF_CGROUP_GETSOCKOPT), true, "answering SO_ORIGINAL_DST", kNothing},
        {"sockopsHook", takes(kSockops, BPF_CGROUP_SOCK_OPS), true, "the record lane", kNothing},
        {"connectBind", helper(kConnect, BPF_FUNC_bind), true, "the address lane, and finding own addresses", kNothing},
        {"connectSkLookup", helper(kConnect, BPF_FUNC_sk_lookup_tcp), true, "whenDown (is the proxy listening?)",
         kNothing},
        {"connectSkStorage", helper(kConnect, BPF_FUNC_sk_storage_get), true, "what is known about a client's socket",
         kNothing},
        {"connectNetnsCookie", helper(kConnect, BPF_FUNC_get_netns_cookie), true,
         "telling network namespaces apart in connect", kNothing},
        {"connectTcpSock", helper(kConnect, BPF_FUNC_skc_to_tcp_sock), false,
         "a socket's own credentials and namespace (with btf)", "owner rules use the ids of the calling thread"},
        {"getsockoptSkStorage", helper(kSockopt, BPF_FUNC_sk_storage_get), true, "the record lane's answers", kNothing},
        {"sockopsSkStorage", helper(kSockops, BPF_FUNC_sk_storage_get), true, "the record lane", kNothing},
        {"lpmTrie", map(BPF_MAP_TYPE_LPM_TRIE), true, "ranges of addresses", kNothing},
        {"mapInMap", map(BPF_MAP_TYPE_ARRAY_OF_MAPS), true, "tables that switch as a whole", kNothing},
        {"skStorageMap", map(BPF_MAP_TYPE_SK_STORAGE), true, "what is known about a socket", kNothing},
        {"btf", base.btf, false, "a socket's own credentials; the namespace's number in sockops",
         "owner rules use the ids of the calling thread; the record lane needs sockopsNetnsCookie"},
        {"setRetval", base.set_retval, false, "ECONNREFUSED where a connection is refused",
         "a refused connect() goes to a closed port, or fails with EPERM"},
        {"sockopsNetnsCookie", base.sockops_cookie, false, "telling network namespaces apart in sockops",
         "the namespace's number is read through btf"},
        {"getsockoptNetns", base.sockopt_cookie || base.sockopt_read, false,
         "the record lane's answers where the proxy's socket has no memory for its record",
         "such a connection reaches the proxy without its destination"},
        {"connectProbeRead", base.probe_read, false,
         "telling own addresses for sockets with a bound source port (with btf)",
         "an own address dialled from such a socket counts as any other"},
        {"tcpIterators", base.btf && has_iterators(), false, "`cat` on the pinned iterators (connections, records)",
         "`shunt connections` shows the same"},
        {"lpmBatch", lpm_batch(), false, "loading many ranges with few system calls", "they are written one by one"},
        {"memcgAccounting", takes_call(BPF_PROG_TYPE_SOCKET_FILTER, {}, {}, BPF_FUNC_ktime_get_coarse_ns), false,
         "maps that do not count against RLIMIT_MEMLOCK", "RLIMIT_MEMLOCK is raised, which needs CAP_SYS_RESOURCE"},
    };
}

}  // namespace shunt::kernel
