#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bookinfo: productpage with a real Envoy as its sidecar, shunt configured from Envoy's live dump.
#   run.sh [BUILD]      (default: build beside examples/; needs BUILD/shunt and root)
# Two network namespaces, cgroups and a bpffs of its own; everything is gone at the end. Exit code 0: all was as it should be.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath -m "${1:-$here/../../build}")
readonly here build requests=1000

die() {
    printf '\nbookinfo: %s\n' "$1" >&2
    [[ -z "${2:-}" ]] || sed 's/^/    /' "$2" >&2
    exit "${3:-1}"
}
step() { printf '\n%s\n' "$*"; }
show() { sed 's/^/    /' "$@"; }

[[ -x $build/shunt ]] || die "$build/shunt is missing: cmake --preset release && cmake --build --preset release"
((EUID == 0)) || die "network namespaces and BPF need root" "" 5
# A mount namespace for the bpffs: whatever happens, no pin outlives it.
[[ "${SHUNT_BOOKINFO_MOUNTS:-}" == own ]] || SHUNT_BOOKINFO_MOUNTS=own exec unshare --mount -- "$here/run.sh" "$build"

name=shunt-bookinfo-$$
mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i+1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[[ -n $mount ]] || die "no cgroup2 file system is mounted" "" 4
cgroup=$mount/$name
dir=$(mktemp -d "/tmp/$name.XXXXXX")
shunt=("$build/shunt" --pin-dir "$dir/bpf/shunt" --run-dir "$dir/run")
pids=()
controller=

cleanup() {
    local result=$? try
    trap - EXIT INT TERM
    set +e
    if [[ -n $controller ]]; then
        kill "$controller" 2>/dev/null
        wait "$controller" 2>/dev/null
        "${shunt[@]}" uninstall --drain 0 >"$dir/uninstall.log" 2>&1 || {
            cat "$dir/uninstall.log" >&2
            ((result != 0)) || result=1
        }
    fi
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
    ip netns del "$name-app" 2>/dev/null
    ip netns del "$name-mesh" 2>/dev/null
    for ((try = 0; try < 20; try++)); do
        rmdir "$cgroup/app" "$cgroup/proxy" "$cgroup" 2>/dev/null
        [[ -d $cgroup ]] || break
        sleep 0.1
    done
    umount "$dir/bpf" 2>/dev/null
    ((result == 0)) || show "$dir"/*.log >&2
    rm -rf "$dir"
    exit $result
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# inside APP|PROXY|MESH COMMAND...: becomes the command, in that cgroup and network namespace.
inside() {
    local place=$1 netns=$name-app
    shift
    case $place in
        app | proxy) echo "$BASHPID" >"$cgroup/$place/cgroup.procs" ;;
        mesh) netns=$name-mesh ;;
    esac
    exec nsenter --net="/run/netns/$netns" -- "$@"
}
wait_for() { # wait_for WHAT COMMAND...
    local what=$1 try
    shift
    for ((try = 0; try < 200; try++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    die "$what: not within 20 s"
}
listens() { nsenter --net="/run/netns/$1" ss -Hltn "src $2" | grep -q .; }
admin() { (inside none curl -sS --noproxy '*' --max-time 10 "http://127.0.0.1:15000/$1"); }
catch_all_is() { admin config_dump | tr -d ' \n' | grep -q "\"stat_prefix\":\"$1\".*\"domains\""; } # with its routes
service() { # service PLACE NAME ADDRESS PORT
    (inside "$1" python3 "$here/service.py" "$2" "$3") >"$dir/$2.log" 2>&1 &
    pids+=($!)
}
discover() { # discover CLUSTER: what istiod would send, where CLUSTER gets what no listener claims
    sed "s/CATCH_ALL/$1/" "$here/lds.yaml" >"$dir/envoy/lds.new"
    mv "$dir/envoy/lds.new" "$dir/envoy/lds.yaml"
}
import() { # the configuration that Envoy's dump amounts to; here the kernel enforces the policy
    (inside none "${shunt[@]}" import envoy --cgroup "/$name" --proxy-cgroup "/$name/proxy" http://127.0.0.1:15000) \
        >"$dir/imported.yaml" 2>"$dir/import.log" || die "import failed" "$dir/import.log"
    sed 's/^  enforcedBy: proxy.*/  enforcedBy: kernel/' "$dir/imported.yaml" >"$dir/shunt.yaml"
}
count() { "${shunt[@]}" counters -o json | python3 -c "import json, sys; print(json.load(sys.stdin)['reasons']['$1'])"; }
request() { (inside app curl -sS --noproxy '*' --max-time "${2:-5}" "$1"); }

set_up() {
    mkdir "$dir/bpf" "$dir/envoy"
    mount -t bpf bpf "$dir/bpf" || die "no bpffs can be mounted here" "" 4
    mkdir -p "$cgroup/app" "$cgroup/proxy"
    for netns in "$name-app" "$name-mesh"; do
        ip netns add "$netns"
        ip -n "$netns" link set lo up
    done
    ip link add app netns "$name-app" type veth peer name mesh netns "$name-mesh"
    ip -n "$name-app" addr add 192.0.2.1/24 dev app
    ip -n "$name-app" link set app up
    for last in 2 11 12 21 22 23; do ip -n "$name-mesh" addr add "192.0.2.$last/24" dev mesh; done
    ip -n "$name-mesh" addr add 203.0.113.9/32 dev lo
    ip -n "$name-mesh" link set mesh up
    ip -n "$name-app" route add default via 192.0.2.2

    service mesh details 192.0.2.11
    service mesh ratings 192.0.2.12
    service mesh reviews-v1 192.0.2.21
    service mesh reviews-v2 192.0.2.22
    service mesh reviews-v3 192.0.2.23
    service mesh outside 203.0.113.9
    service app productpage 127.0.0.1
    for where in 192.0.2.11:9080 192.0.2.12:9080 192.0.2.21:9080 192.0.2.22:9080 192.0.2.23:9080 203.0.113.9:8080; do
        wait_for "server on $where" listens "$name-mesh" "$where"
    done
    wait_for productpage listens "$name-app" 127.0.0.1:9080

    cp "$here/envoy.yaml" "$here/rds.yaml" "$dir/envoy/"
    discover PassthroughCluster
    local envoy
    envoy=$("$here/../../scripts/envoy.sh" "$build")
    (cd "$dir/envoy" && inside proxy "$envoy" -c envoy.yaml --concurrency 1 --disable-hot-restart --log-level warning) \
        >"$dir/envoy.log" 2>&1 &
    pids+=($!)
    wait_for Envoy listens "$name-app" 0.0.0.0:15001
    wait_for "Envoy's routes" catch_all_is PassthroughCluster
}

set_up
step "1. Without shunt nobody has the services' addresses"
! request http://198.51.100.6:9080/ 1 >"$dir/without.log" 2>&1 || die "198.51.100.6 answered" "$dir/without.log"
show "$dir/without.log"

step "2. shunt import envoy http://127.0.0.1:15000; shunt run; shunt pc routes"
import
"${shunt[@]}" run -c "$dir/shunt.yaml" >"$dir/shunt.log" 2>&1 &
controller=$!
wait_for "shunt run" grep -q ready "$dir/shunt.log"
"${shunt[@]}" pc routes 2>/dev/null | tee "$dir/routes" | show
for share in 'v1|reviews.default.svc.cluster.local 10%' 'v2|reviews.default.svc.cluster.local 40%' \
    'v3|reviews.default.svc.cluster.local 50%'; do
    grep -qF "$share" "$dir/routes" || die "pc routes does not show $share"
done
"${shunt[@]}" pc diff >"$dir/diff" 2>&1 || die "the kernel does not hold what was imported" "$dir/diff"

step "3. productpage, whose requests for details and reviews go through Envoy"
request http://127.0.0.1:9080/ >"$dir/page.log" || die "productpage failed" "$dir/page.log"
show "$dir/page.log"
grep -q '"service": "details"' "$dir/page.log" || die "no details"
grep -q '"service": "reviews-v[123]"' "$dir/page.log" || die "no reviews"

step "4. $requests requests for reviews: 10/40/50"
before=$(count port_listener)
(inside app python3 "$here/shares.py" "$requests") >"$dir/shares.log" || die "the shares are not 10/40/50" "$dir/shares.log"
show "$dir/shares.log"
redirected=$(($(count port_listener) - before))
((redirected == requests)) || die "$redirected of $requests connections were redirected"

step "5. A port without a listener, ALLOW_ANY: it goes out directly, as PassthroughCluster"
request http://203.0.113.9:8080/ >"$dir/outside.log" || die "203.0.113.9:8080 was not reached" "$dir/outside.log"
show "$dir/outside.log"
(($(count passthrough_cluster) == 1)) || die "not counted as passthrough_cluster"

step "6. istiod says REGISTRY_ONLY; imported again and reloaded, the kernel refuses it, as BlackHoleCluster"
discover BlackHoleCluster
wait_for "Envoy's new policy" catch_all_is BlackHoleCluster
import
grep -q 'mode: REGISTRY_ONLY' "$dir/shunt.yaml" || die "not imported as REGISTRY_ONLY" "$dir/shunt.yaml"
"${shunt[@]}" reload >"$dir/reload.log" 2>&1 || die "reload failed" "$dir/reload.log"
! request http://203.0.113.9:8080/ >"$dir/refused.log" 2>&1 || die "203.0.113.9:8080 was reached" "$dir/refused.log"
show "$dir/refused.log"
(($(count black_hole_cluster) == 1)) || die "not counted as black_hole_cluster"
"${shunt[@]}" explain -c "$dir/shunt.yaml" 203.0.113.9:8080 | show
request http://198.51.100.8:9080/ | grep -q '"service": "details"' || die "a port with a listener is refused too"

step "bookinfo: all as it should be"
