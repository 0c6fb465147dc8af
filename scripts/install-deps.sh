#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing. The one place that lists them; docs/dependencies.md says what each is for.
#   install-deps.sh [--check] [--run]
#     --check  install nothing, exit 1 where something is missing
#     --run    only what the quickstart needs, without the peers and tools of the tests
set -euo pipefail

build=(
    g++ cmake ninja-build pkg-config clang-14 bpftool linux-libc-dev libbpf-dev libelf-dev zlib1g-dev
    libspdlog-dev libfmt-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libexpected-dev
    libcpp-httplib-dev libssl-dev libjs-chart.js scdoc
)
run=(python3 python3-venv ca-certificates iproute2 curl util-linux procps)
tests=(libgtest-dev libgmock-dev libbenchmark-dev liburing-dev haproxy squid prometheus iptables nftables shellcheck clang-format-14 clang-tidy-14 clang-19 libclang-rt-19-dev libcap2-bin jq git python3-jsonschema python3-yaml)
guests=(qemu-system-x86 busybox-static cpio xz-utils binutils)

wanted=("${build[@]}" "${run[@]}" "${tests[@]}" "${guests[@]}")
check=false
for argument in "$@"; do
    case $argument in
        --check) check=true ;;
        --run) wanted=("${build[@]}" "${run[@]}") ;;
        *)
            echo "usage: install-deps.sh [--check] [--run]" >&2
            exit 2
            ;;
    esac
done

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [[ "$status" == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "install-deps: all ${#wanted[@]} packages are installed"
    exit 0
fi

if $check; then
    echo "install-deps: missing: ${missing[*]}"
    exit 1
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || {
        echo "install-deps: not root and no sudo here; run as root: apt-get install ${missing[*]}" >&2
        exit 5
    }
    as_root=(sudo)
fi

echo "install-deps: installing ${missing[*]}"
# Some of them come as services; a policy-rc.d that forbids it keeps apt from starting what nobody asked for, and those
# that were not here before are not started at the next boot either.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null
for service in haproxy squid prometheus; do
    if [[ " ${missing[*]} " == *" $service "* ]] && command -v systemctl >/dev/null; then
        "${as_root[@]}" systemctl disable --quiet "$service"
    fi
done
echo "install-deps: done"
