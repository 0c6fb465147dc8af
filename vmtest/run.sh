#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the suites of suites.txt on the kernels of kernels.txt, each in a QEMU guest. docs/vmtest.md explains it.
set -euo pipefail
VM_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'TEXT'
usage: vmtest/run.sh [OPTION...] [KERNEL...] [-- TEST-FILTER]
  KERNEL         names of kernels.txt; all of them by default
  TEST-FILTER    as --gtest_filter, for every suite
  --list         the kernels, with the package that is cached
  --shell KERNEL a shell in the guest instead of the suites
  --whole        every test on every kernel (whole.txt): some 20 minutes of one core for each
  --suite NAME[@KERNEL,...]
                 only this suite, and only on these kernels (may be repeated)
  --build DIR    the build folder to test, also holds caches and results (default: build)
  --jobs N       guests at a time (default 2)
  --timeout S    seconds until a guest counts as hung (default: what its suites may take, and a minute, at most 900; with
                 --whole three hours)
  --keep         keep the initrds, for a post-mortem (results/KERNEL/command boots one again)
  --update       look for newer packages now (otherwise once a week)
TEXT
}

VM_BUILD=${VM_SRC%/*}/build VM_UPDATE=no VM_KEEP=no VM_FILTER='' VM_JOBS=2 VM_TIMEOUT='' VM_MEMORY=${VM_MEMORY:-}
VM_SUITES_FILE=${VMTEST_SUITES:-$VM_SRC/suites.txt} VM_LEFT_OUT=$VM_SRC/left-out.txt VM_CACHE_DAYS=7 VM_COVERAGE='' VM_WHOLE=no mode=run shell_kernel='' kernels=() suites=()

# shellcheck source=lib/common.sh
. "$VM_SRC/lib/common.sh"
# shellcheck source=lib/kernels.sh
. "$VM_SRC/lib/kernels.sh"
# shellcheck source=lib/initrd.sh
. "$VM_SRC/lib/initrd.sh"
# shellcheck source=lib/peers.sh
. "$VM_SRC/lib/peers.sh"
# shellcheck source=lib/guest.sh
. "$VM_SRC/lib/guest.sh"

while [ $# -gt 0 ]; do
    case $1 in
    --list) mode=list ;;
    --whole) VM_SUITES_FILE=$VM_SRC/whole.txt VM_LEFT_OUT=$VM_SRC/whole-left-out.txt VM_WHOLE=yes ;;
    --shell | --suite | --build | --jobs | --timeout)
        [ $# -ge 2 ] || die 2 "$1 needs a value; see vmtest/run.sh --help"
        case $1 in
        --shell) mode=shell shell_kernel=$2 ;;
        --suite) suites+=("$2") ;;
        --build) VM_BUILD=$2 ;;
        --jobs) VM_JOBS=$2 ;;
        --timeout) VM_TIMEOUT=$2 ;;
        esac
        shift
        ;;
    --keep) VM_KEEP=yes ;;
    --update) VM_UPDATE=yes ;;
    --help | -h) usage && exit 0 ;;
    --)
        [ $# -le 2 ] || die 2 "one TEST-FILTER after --, not $(($# - 1)); patterns are joined with ':'"
        VM_FILTER=${2:-}
        break
        ;;
    -*) die 2 "unknown option $1; see vmtest/run.sh --help" ;;
    *) kernels+=("$1") ;;
    esac
    shift
done

if [ "$mode" = shell ]; then kernels=("$shell_kernel"); fi
for name in "${kernels[@]}"; do
    kernel_known "$name" || die 2 "unknown kernel '$name'; known: $(kernel_names | tr '\n' ' ')"
done
if [ ${#kernels[@]} -eq 0 ]; then mapfile -t kernels < <(kernel_names); fi
for suite in "${suites[@]}"; do
    table "$VM_SUITES_FILE" | grep -q "^${suite%%@*} " ||
        die 2 "unknown suite '${suite%%@*}'; known: $(table "$VM_SUITES_FILE" | awk '{ print $1 }' | tr '\n' ' ')"
    case $suite in *@*) IFS=, read -r -a only <<<"${suite#*@}" ;; *) only=() ;; esac
    for name in "${only[@]}"; do
        kernel_known "$name" || die 2 "--suite $suite: unknown kernel '$name'; known: $(kernel_names | tr '\n' ' ')"
    done
done

if [ -z "$VM_MEMORY" ]; then VM_MEMORY=$([ "$VM_WHOLE" = yes ] && echo 2048 || echo 1024); fi
need_tools
mkdir -p "$VM_BUILD/vmtest"
VM_BUILD=$(cd "$VM_BUILD" && pwd)
VM_DIR=$VM_BUILD/vmtest VM_CACHE=$VM_DIR/cache VM_RESULTS=$VM_DIR/results VM_ROOT=$VM_DIR/root VM_SUITES=${suites[*]}

if [ "$mode" = list ]; then
    for name in "${kernels[@]}"; do
        cached=$(kernel_info "$name" package)
        printf '%-10s %-18s %s\n' "$name" "$(kernel_field "$name" 2)" "${cached:-not fetched} $(kernel_info "$name" version)"
    done
    exit 0
fi

# Each test of the bpf and integration suites runs in a guest or stands in left-out.txt; a run of all suites says so at its end.
if [ "$mode" = run ] && [ ${#suites[@]} -eq 0 ] && [ -z "$VM_FILTER" ] && [ -z "${VMTEST_SUITES:-}" ]; then
    VM_COVERAGE=$(python3 "$VM_SRC/coverage.py" "$VM_BUILD" "$VM_SUITES_FILE" "$VM_LEFT_OUT") || die 1 "${VM_SUITES_FILE##*/} and ${VM_LEFT_OUT##*/} do not have all tests"
    python3 "$VM_SRC/coverage.py" "$VM_BUILD" "$VM_SRC/whole.txt" "$VM_SRC/whole-left-out.txt" >/dev/null || die 1 "whole.txt and whole-left-out.txt do not have all tests"
fi

# Two runs in one build folder would take each other's initrd.
exec 9>"$VM_DIR/lock"
flock -n 9 || die 1 "another run uses $VM_DIR; wait for it or give another folder with --build"
need_space 1500 "the run (initrds and results)"
for name in "${kernels[@]}"; do resolve_kernel "$name"; done
build_root
if [ -z "$VM_TIMEOUT" ]; then
    most=840
    if [ "$VM_WHOLE" = yes ]; then most=10740; fi
    VM_TIMEOUT=$(awk -v most="$most" '{ sum += $6 * split($4, phases, ",") } END { print (sum > most ? most : sum) + 60 }' "$VM_ROOT/vmtest/suites")
fi
pack_root "${kernels[@]}"

if [ "$mode" = shell ]; then
    shell_guest "$shell_kernel"
    exit 0
fi
rm -rf "$VM_RESULTS"
mkdir -p "$VM_RESULTS"
# The longest first, so that no guest is left alone at the end. Of all five two are long, the oldest and the newest: side by side they
# would leave three short ones to two places, so the second is begun where the first ends, beside the short ones one after the other.
mapfile -t order < <(for name in "${kernels[@]}"; do echo "$(suites_of "$name" | wc -l) $name"; done | sort -s -k 1,1nr | cut -d ' ' -f 2)
((${#order[@]} != 5 || VM_JOBS != 2)) || order=("${order[0]}" "${order[@]:2:2}" "${order[1]}" "${order[4]}")
for name in "${order[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$VM_JOBS" ]; do wait -n || true; done
    run_guest "$name" &
done
wait
if [ "$VM_KEEP" = no ]; then rm -rf "$VM_ROOT" "$VM_DIR/peers" "$VM_DIR"/{root,peers}.cpio; fi
if [ -n "$VM_COVERAGE" ]; then printf '%s\n' "$VM_COVERAGE"; fi
exec python3 "$VM_SRC/report.py" "$VM_RESULTS" "${kernels[@]}"
