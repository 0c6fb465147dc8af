# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# What every other suite takes for granted. A failure here says that the guest is wrong, not shunt.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh

netns_with_veth() {
    ip netns add shunt-t-smoke && ip link add shunt-v0 type veth peer name shunt-v1 &&
        ip link set shunt-v1 netns shunt-t-smoke && ip addr add 192.0.2.1/24 dev shunt-v0 && ip link set shunt-v0 up &&
        ip -n shunt-t-smoke addr add 192.0.2.2/24 dev shunt-v1 && ip -n shunt-t-smoke link set shunt-v1 up &&
        ping -c 1 -W 3 192.0.2.2
    result=$?
    ip netns del shunt-t-smoke
    return "$result"
}
cgroup_made() { mkdir /sys/fs/cgroup/shunt-t-smoke && rmdir /sys/fs/cgroup/shunt-t-smoke; }
conntrack_loads() { modprobe -n -v nf_conntrack 2>/dev/null || modprobe -D nf_conntrack; }
conntrack_absent() { ! grep -q '^nf_conntrack ' /proc/modules; }

check Smoke.Cgroup2IsMounted grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts
check Smoke.BpffsIsMounted grep -q ' /sys/fs/bpf bpf ' /proc/mounts
check Smoke.CgroupCanBeMade cgroup_made
check Smoke.KernelHasBtf test -s /sys/kernel/btf/vmlinux
check Smoke.LoopbackV4Answers ping -c 1 -W 3 127.0.0.1
check Smoke.LoopbackV6Answers ping -6 -c 1 -W 3 ::1
check Smoke.NamespaceWithVeth netns_with_veth
check Smoke.BpftoolSpeaksToTheKernel bpftool prog show
check Smoke.ConntrackNotLoaded conntrack_absent
check Smoke.ConntrackIsThere conntrack_loads
[ "$failed" -eq 0 ]
