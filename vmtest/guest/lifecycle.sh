# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# What an administrator meets on this kernel: install, kill, restart, upgrade, uninstall; and machines that lack something.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh
shunt=$SHUNT_BUILD/shunt
pins=/sys/fs/bpf/shunt-t-life
run=/run/shunt-t-life
cgroup=/sys/fs/cgroup/shunt-t-life
log=/tmp/shunt-t-life.log
mkdir -p "$cgroup/app" "$cgroup/proxy" "$run"
cat >/tmp/life.yaml <<'YAML'
proxy:
  listen: 0.0.0.0:15001
  identity: { cgroup: /shunt-t-life/proxy }
capture:
  cgroups: [/shunt-t-life]
YAML
sed 's/^  listen/  lane: record\n  listen/' /tmp/life.yaml >/tmp/record.yaml

# The proxy of these tests: says "proxied" to whoever comes.
sh -c "echo 0 >$cgroup/proxy/cgroup.procs; exec /vmtest/busybox nc -ll -p 15001 -e /vmtest/bb/echo proxied" &
proxy=$!

# says WORD: in what the controller has logged. Read by the shell itself: a process for each look would take the emulated
# processor from the one that is waited for.
says() {
    while read -r line; do
        case $line in *"$1"*) return 0 ;; esac
    done <"$log"
    return 1
}
# start COMMAND...: runs it in the background until the controller protects; its exit code where it ends before.
start() {
    : >"$log"
    "$@" >"$log" 2>&1 &
    controller=$!
    echo "$controller" >/tmp/controller.pid
    for _ in $(seq 1200); do
        if says ready; then return 0; fi
        if ! kill -0 "$controller" 2>/dev/null; then
            wait "$controller"
            return
        fi
        sleep 0.1
    done
    echo "neither ready nor at its end after two minutes:"
    cat "$log"
    kill -KILL "$controller"
    return 99
}
shunt_run() { start "$shunt" --pin-dir "$pins" --run-dir "$run" run -c /tmp/life.yaml; }
# Each check is a process of its own, so that the controller of an earlier one is no child any more.
stop() { # stop SIGNAL
    controller=$(cat /tmp/controller.pid)
    kill "-$1" "$controller" || return 1
    for _ in $(seq 600); do
        kill -0 "$controller" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "controller $controller is still there"
    return 1
}
finish() { stop TERM; }
dial() { sh -c "echo 0 >$cgroup/app/cgroup.procs; exec /vmtest/busybox nc -w 20 10.9.9.9 80" </dev/null; }
redirects() { [ "$(dial)" = proxied ]; }
uninstall() { "$shunt" --pin-dir "$pins" --run-dir "$run" uninstall --drain 0; }
ours() { # what the kernel still holds of shunt
    { bpftool prog show && bpftool map show && bpftool link show; } | grep shunt_
    find "$pins" 2>/dev/null
    bpftool cgroup show "$cgroup" | grep -v '^ID'
}
nothing_left() { # the kernel frees programs and maps after a grace period
    for _ in $(seq 600); do
        if [ -z "$(ours)" ]; then return 0; fi
        sleep 0.1
    done
    ours
    return 1
}
counters_id() { bpftool map show pinned "$pins"/*/shunt_counters | sed -n 's/^\([0-9]*\):.*/\1/p'; }
ends_with() { # ends_with CODE WORDS COMMAND...
    want=$1 words=$2
    shift 2
    "$@"
    code=$?
    cat "$log"
    if [ "$code" -eq 0 ]; then finish && uninstall; fi
    [ "$code" -eq "$want" ] && grep -q -- "$words" "$log"
}

not_redirected_before() { ! redirects; }
redirects_after_start() { shunt_run && redirects; }
outlives_a_kill() { stop KILL && redirects; }
upgrade_keeps_maps() {
    before=$(counters_id) && [ -n "$before" ] && shunt_run && redirects && [ "$(counters_id)" = "$before" ]
}
uninstall_leaves_nothing() { finish && redirects && uninstall && nothing_left && ! redirects; }

without() { # without CAPABILITIES: start with these taken away
    start setpriv --bounding-set "$1" "$shunt" --pin-dir "$pins" --run-dir "$run" run -c /tmp/life.yaml
}
unprivileged() { start setpriv --reuid 1000 --regid 1000 --clear-groups "$shunt" --pin-dir "$pins" --run-dir "$run" run -c /tmp/life.yaml; }
small_memlock() { (ulimit -l 64 && shunt_run && redirects && finish && uninstall) && nothing_left; }
# Asked of the kernel, not of its version: what lacks the feature must say so, with the exit code for it.
has() { "$shunt" doctor --no-probe -o json | grep -q "\"$1\": true"; }
redirects_or_says() { # redirects_or_says FEATURE CODE WORDS COMMAND...
    if ! has "$1"; then
        shift
        ends_with "$@"
        return
    fi
    shift 3
    if ! "$@"; then cat "$log" && return 1; fi
    redirects && finish && uninstall && nothing_left
}
no_resource() { (ulimit -l 64 && without -sys_resource); }
no_btf() { start unshare -m sh -c ': >/tmp/nobtf && mount --bind /tmp/nobtf /sys/kernel/btf/vmlinux && exec "$@"' - \
    "$shunt" --pin-dir "$pins" --run-dir "$run" run -c "$1"; }
no_btf_redirects() {
    if ! no_btf /tmp/life.yaml; then cat "$log" && return 1; fi
    redirects && finish && uninstall && nothing_left
}

# What `shunt doctor` says about a connection that it makes itself.
doctor_probe_is() {
    timeout 120 "$shunt" doctor >/tmp/doctor.out 2>&1
    grep "^$1 *probe " /tmp/doctor.out && return 0
    cat /tmp/doctor.out
    return 1
}
start_and_look() {
    shunt_run
    code=$?
    if [ "$code" -eq 0 ] && redirects; then return 0; fi
    cat "$log"
    echo "exit $code, and no redirection"
    return 1
}

# Confidentiality keeps BPF from reading kernel
# memory: one helper, which shunt can do without. doctor has to say so, and shunt to work.
lockdown() {
    mount -t securityfs security /sys/kernel/security
    has connectProbeRead || { echo 'missing before, this shows nothing' && return 1; }
    echo confidentiality >/sys/kernel/security/lockdown || return 1
    grep -F '[confidentiality]' /sys/kernel/security/lockdown || return 1
    if has connectProbeRead || ! has connectHooks; then "$shunt" doctor --no-probe && return 1; fi
    if [ -e /tmp/hook-lost ]; then # by the phase before, until the next boot
        echo 'this kernel has lost its hooks to a classid: features only'
        return 0
    fi
    start_and_look && doctor_probe_is ok && finish && uninstall && nothing_left
}

# Writing a classid of cgroup v1 makes old kernels take it in place of the socket's cgroup2 (docs/kernels.md), for every
# socket made from then on. Socket diagnosis says in which cgroup2 a new socket is.
socket_cgroup() {
    sh -c "echo 0 >/tmp/net_cls/one/cgroup.procs; echo 0 >$cgroup/app/cgroup.procs; exec /vmtest/busybox nc -l -p 7" \
        </dev/null >/dev/null 2>&1 &
    listener=$!
    seen=
    for _ in $(seq 1200); do
        seen=$(timeout 30 ss -Htln --cgroup 'sport = 7' | sed -n 's/.* cgroup:\([^ ]*\).*/\1/p')
        if [ -n "$seen" ]; then break; fi
        sleep 0.1
    done
    kill "$listener"
    echo "$seen"
}
classid() {
    mkdir -p /tmp/net_cls && mount -t cgroup -o net_cls net_cls /tmp/net_cls && mkdir -p /tmp/net_cls/one || return 1
    before=$(socket_cgroup)
    echo 0x10001 >/tmp/net_cls/one/net_cls.classid || return 1
    after=$(socket_cgroup)
    echo "a new socket was in '$before', after the write it is in '$after'"
    [ "$before" = "${cgroup#/sys/fs/cgroup}/app" ] && shunt_run || return 1
    said=$(sh -c "echo 0 >/tmp/net_cls/one/cgroup.procs; echo 0 >$cgroup/app/cgroup.procs; exec /vmtest/busybox nc -w 20 10.9.9.9 80" </dev/null 2>&1)
    finish && uninstall && nothing_left || return 1
    echo "the connection: $said"
    case $after in
    "$before") note classid redirects && [ "$said" = proxied ] && doctor_probe_is ok ;;
    /) touch /tmp/hook-lost && note classid hook-lost && [ "$said" != proxied ] && doctor_probe_is broken ;;
    *) return 1 ;;
    esac
}
case $VM_PHASE in
conntrack)
    check Lifecycle.NothingIsRedirectedBefore not_redirected_before
    check Lifecycle.Redirects redirects_after_start
    check Lifecycle.OutlivesAKill outlives_a_kill
    check Lifecycle.ARestartKeepsTheMaps upgrade_keeps_maps
    check Lifecycle.UninstallLeavesNothing uninstall_leaves_nothing
    check Lifecycle.SmallMemlockIsRaised small_memlock
    check Lifecycle.SmallMemlockThatStays redirects_or_says memcgAccounting 5 'RLIMIT_MEMLOCK, which only CAP_SYS_RESOURCE' no_resource
    check Lifecycle.WithoutBtf no_btf_redirects
    check Lifecycle.WithoutBtfTheRecordLane redirects_or_says sockopsNetnsCookie 4 'this kernel lacks both network namespace cookies' \
        no_btf /tmp/record.yaml
    check Lifecycle.NoRoot ends_with 5 'missing privilege: CAP_BPF, CAP_NET_ADMIN' unprivileged
    check Lifecycle.NoCapBpf ends_with 5 'missing privilege: CAP_BPF' without -bpf,-sys_admin
    check Lifecycle.NoCapPerfmon ends_with 5 'missing privilege: CAP_PERFMON' without -perfmon,-sys_admin
    check Lifecycle.NoCapNetAdmin ends_with 5 'missing privilege: CAP_NET_ADMIN' without -net_admin
    ;;
classid) check Lifecycle.AfterAClassidWasWritten classid ;;
lockdown) check Lifecycle.LockedDown lockdown ;;
esac

kill "$proxy"
rmdir "$cgroup/app" "$cgroup/proxy" "$cgroup"
[ "$failed" -eq 0 ]
