#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shunt in a minute: builds it, then lets a client's request go out once without it and once through a real Envoy.
# Everything happens in two network namespaces, one cgroup and a mount namespace of its own, and is gone at the end
# (Ctrl-C included; the pins are in a bpffs that only this mount namespace has, so that not even kill -9 leaves one).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly name=shunt-quickstart
readonly server4=198.51.100.10 # a documentation address: nobody on the internet
shunt=$PWD/build/shunt
example=$PWD/examples/quickstart
started=${2:-$(date +%s)}
demo_dir=
pids=()
controller=
shunt_here=()

bold() { if [[ -t 1 ]]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }
note() { printf '    %s\n' "$*"; }
die() {
    printf '\nquickstart: %s\n' "$1" >&2
    [[ -z "${2:-}" ]] || printf 'quickstart: the log is %s; its last lines:\n%s\n' "$2" "$(tail -n 15 "$2" | sed 's/^/    /')" >&2
    exit "${3:-1}"
}

# quiet LABEL LOG COMMAND...: one line on the terminal, everything else in LOG.
quiet() {
    local label=$1 log=$2 begun=$SECONDS
    shift 2
    printf '%-64s' "$label"
    "$@" </dev/null >"$log" 2>&1 || {
        echo failed
        die "$label: failed" "$log"
    }
    printf 'ok %3d s\n' $((SECONDS - begun))
}

prepare() {
    mkdir -p build/log
    scripts/install-deps.sh --check --run >/dev/null || echo "Packages are missing: apt installs them (1-3 minutes)."
    quiet "[1/4] packages" build/log/packages.log scripts/install-deps.sh --run
    # An existing build folder keeps its choice of tests; a new one leaves them out, for the sake of the minute.
    local tests=()
    [[ -e build/CMakeCache.txt ]] || tests=(-DSHUNT_TESTS=OFF)
    quiet "[2/4] configure" build/log/configure.log cmake --preset release "${tests[@]}"
    quiet "[3/4] build shunt (the first time takes a few minutes)" build/log/build.log \
        cmake --build --preset release --target shunt
    quiet "[4/4] Envoy 1.40, unmodified (37 MB the first time)" build/log/envoy.log scripts/envoy.sh build
}

cgroup2_mount() {
    awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i+1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo
}

cleanup() {
    local result=$?
    trap - EXIT INT TERM
    set +e
    if [[ -n $demo_dir ]]; then
        # Redirection outlives the controller by design: uninstall is what takes it away, once the controller is gone.
        if [[ -n $controller ]]; then
            kill "$controller" 2>/dev/null
            wait "$controller" 2>/dev/null
        fi
        "${shunt_here[@]}" uninstall --drain 0 >"$demo_dir/uninstall.log" 2>&1 || {
            cat "$demo_dir/uninstall.log" >&2
            ((result != 0)) || result=1
        }
        ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
        wait 2>/dev/null
        ip netns del $name-app 2>/dev/null
        ip netns del $name-server 2>/dev/null
        local try
        for try in 1 2 3 4 5 6 7 8 9 10; do
            rmdir "$cgroup/app" "$cgroup/proxy" "$cgroup" 2>/dev/null
            [[ -d $cgroup ]] || break
            sleep 0.1
        done
        umount "$demo_dir/bpf" 2>/dev/null
        case $result in
            0 | 130 | 143) rm -rf "$demo_dir" ;;
            *) note "logs are kept in $demo_dir" >&2 ;;
        esac
    fi
    exit $result
}

# inside APP|PROXY|SERVER COMMAND...: becomes the command, in that cgroup and network namespace.
inside() {
    local place=$1 netns=$name-app
    shift
    case $place in
        app | proxy) echo "$BASHPID" >"$cgroup/$place/cgroup.procs" ;;
        server) netns=$name-server ;;
    esac
    exec nsenter --net="/run/netns/$netns" -- "$@"
}

wait_for() { # wait_for WHAT LOG COMMAND...
    local what=$1 log=$2 try
    shift 2
    for ((try = 0; try < 100; try++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    die "$what: not ready after 10 s" "$log"
}

listens() { nsenter --net="/run/netns/$1" ss -Hltn "sport = :$2" | grep -q .; }

set_up() {
    for netns in $name-app $name-server; do
        ip netns del "$netns" 2>/dev/null || true
        ip netns add "$netns"
        ip -n "$netns" link set lo up
    done
    ip link add app netns $name-app type veth peer name server netns $name-server
    ip -n $name-app addr add 192.0.2.1/24 dev app
    ip -n $name-app link set app up
    ip -n $name-server addr add 192.0.2.2/24 dev server
    ip -n $name-server link set server up
    ip -n $name-server addr add $server4/32 dev lo
    ip -n $name-app route add default via 192.0.2.2
    mkdir -p "$cgroup/app" "$cgroup/proxy" || die "cannot make cgroups below $(cgroup2_mount) (a container with a read-only /sys?)"

    local port
    for port in 8080 9080; do
        (inside server python3 "$example/server.py" $port) >"$demo_dir/server-$port.log" 2>&1 &
        pids+=($!)
        wait_for "server on port $port" "$demo_dir/server-$port.log" listens $name-server $port
    done
    # Envoy starts inside its cgroup: sockets belong to the cgroup they were made in.
    (inside proxy "$(scripts/envoy.sh build)" -c "$example/envoy.yaml" --concurrency 1 --disable-hot-restart \
        --log-level warning --file-flush-interval-msec 50) >>"$demo_dir/access.log" 2>"$demo_dir/envoy.log" &
    pids+=($!)
    wait_for Envoy "$demo_dir/envoy.log" listens $name-app 15001
}

request() { # request PORT: what a client in the workload's cgroup gets, and what Envoy logged about it
    : >"$demo_dir/access.log"
    note "\$ curl http://$server4:$1/"
    (inside app curl -sS --max-time 5 -w 'client: my connection went out from port %{local_port}\n' "http://$server4:$1/") \
        >"$demo_dir/answer" 2>&1 || die "the request failed" "$demo_dir/answer"
    sed 's/^/      /' "$demo_dir/answer"
    local try
    for ((try = 0; try < ${2:-1}; try++)); do
        [[ -s $demo_dir/access.log ]] && break
        sleep 0.1
    done
    if [[ -s $demo_dir/access.log ]]; then
        sed 's/^/      Envoy:  /' "$demo_dir/access.log"
    else
        echo "      Envoy:  (saw nothing)"
    fi
}

demo() {
    ((EUID == 0)) || die "the demonstration needs root" "" 5
    local mount
    mount=$(cgroup2_mount)
    [[ -n $mount ]] || die "no cgroup2 file system is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified)" "" 4
    cgroup=$mount/$name
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    demo_dir=$(mktemp -d "/tmp/$name.XXXXXX")
    mkdir "$demo_dir/bpf"
    mount -t bpf bpf "$demo_dir/bpf" || die "no bpffs can be mounted here" "" 4
    shunt_here=("$shunt" --pin-dir "$demo_dir/bpf/shunt" --run-dir "$demo_dir/run")
    set_up

    echo
    bold "1. Without shunt: the request goes straight to the server"
    request 8080
    note "The server saw the client's own port: a direct connection."

    echo
    bold "2. shunt run -c examples/quickstart/shunt.yaml"
    # A copy, for root would not take the file of a checkout that belongs to somebody else.
    install -m 0644 "$example/shunt.yaml" "$demo_dir/shunt.yaml"
    "${shunt_here[@]}" run -c "$demo_dir/shunt.yaml" >"$demo_dir/shunt.log" 2>&1 &
    controller=$!
    wait_for "shunt run" "$demo_dir/shunt.log" grep -q ready "$demo_dir/shunt.log"
    sed 's/^/      /' "$demo_dir/shunt.log"

    echo
    bold "3. The same request: Envoy has it, and knows where it was going"
    request 8080 30
    grep -q "dst=$server4 port=8080" "$demo_dir/access.log" ||
        die "Envoy did not see the original destination $server4:8080" "$demo_dir/shunt.log"
    note "The server saw another port: Envoy's connection. dst and port are SO_ORIGINAL_DST's answer to Envoy."
    echo
    note "Port 9080 has a listener of its own in Envoy, so that one answers:"
    request 9080 30

    echo
    bold "4. Why: shunt explain -c examples/quickstart/shunt.yaml $server4:8080"
    "${shunt_here[@]}" explain -c "$example/shunt.yaml" "$server4:8080" | sed 's/^/      /'

    echo
    bold "5. What the kernel counted: shunt counters"
    "${shunt_here[@]}" counters | sed 's/^/      /'

    echo
    bold "What you just saw"
    note "An unmodified client and an unmodified Envoy. A BPF program on the client's cgroup changed where connect()"
    note "went; no iptables rule, no capability in the workload. Everything is removed again now."
    bold "What to do next"
    note "build/shunt --help           the commands; build/shunt check -c FILE looks at a configuration without root"
    note "examples/quickstart/         the three files used here"
    note "docs/config.md               every key, with defaults     docs/operations.md   install, upgrade, uninstall"
    note "README.md                    coming from istio-iptables: what is the same and what differs"
    note "scripts/test.sh              builds and runs all tests"
}

if [[ "${1:-}" != --demo ]]; then
    prepare
    as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "network namespaces and BPF need root, and there is no sudo: run this as root" "" 5
        echo "Network namespaces and BPF need root: sudo may ask for your password."
        as_root=(sudo --)
    fi
    exec "${as_root[@]}" unshare --mount -- "$PWD/scripts/quickstart.sh" --demo "$started"
fi
demo
echo
echo "quickstart: done in $(($(date +%s) - started)) s"
