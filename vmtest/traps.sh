#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts a known kernel trap on purpose into a copy of the programs, runs the suites that have to notice with a shunt that
# has it, and fails unless exactly the kernels turn red that have the trap: docs/testing.md has the output.
# usage: traps.sh BUILD TRAP [KERNEL...]
#        traps.sh --check BUILD   whether each trap still fits the programs and compiles; part of ctest
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
known='bounds large fetch'
usage() { echo "usage: traps.sh BUILD TRAP [KERNEL...], or traps.sh --check BUILD; traps: $known" >&2 && exit 2; }

# replace FILE OLD NEW: OLD stands there once.
replace() {
    python3 - "$broken/$1" "$2" "$3" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
if text.count(old) != 1:
    sys.exit(f"{path}: '{old}' stands there {text.count(old)} times: the programs have changed, and this trap with them")
open(path, "w").write(text.replace(old, new))
PY
}

# put_trap NAME: into $broken, which is a copy of bpf/. `red` is who has to notice.
put_trap() {
    rm -rf "$broken"
    mkdir -p "${broken%/*}"
    cp -r "$source/bpf" "$broken"
    case $1 in
    bounds) # The bounds are checked twice, and who fails the first check comes to the second one too, before who passes it.
        # Some verifiers take the state of the one for that of the other, and what follows the second check for dead. In
        # assembler, or the compiler would leave one check; the jumps are there because a verifier keeps a state only
        # every few of them.
        red='5.10-old'
        replace sockopt.bpf.c $'\tstruct shunt_sockaddr4 *out = ctx->optval;

\tif ((void *)(out + 1) > ctx->optval_end)
\t\treturn SHUNT_EVENT_ORIGDST_SHORT;
' $'\tstruct shunt_sockaddr4 *out = ctx->optval;
\tvoid *after = out + 1;
\t__u64 zero;

#define JUMP "%1 = 0\\n if %1 == 0 goto +0\\n"
\tasm volatile("if %0 <= %2 goto +0\\n" JUMP JUMP JUMP JUMP JUMP JUMP : "+r"(after), "=&r"(zero) : "r"(ctx->optval_end));
\tif (after > *(void *volatile *)&ctx->optval_end)
\t\treturn SHUNT_EVENT_ORIGDST_SHORT;
'
        ;;
    large) # a question with a large buffer is not given back to the kernel
        red='5.10-old 5.10'
        replace sockopt.bpf.c 'SHUNT_CTX(ctx, optlen) > 4096 ||' '0 ||'
        ;;
    fetch) # the sum that was there before is used, so that the compiler has to fetch it
        red='5.10-old 5.10'
        replace lib/account.h $'&shunt_counters, &index);\n\n\tif (counter)\n\t\t__sync_fetch_and_add(&counter->count, 1);' \
            $'&shunt_counters, &index);\n\n\tif (counter && __sync_fetch_and_add(&counter->count, 1) == 77)\n\t\tcounter->count = 0;'
        ;;
    *) usage ;;
    esac
}

if [ "${1:-}" = --check ]; then
    [ $# -eq 2 ] || usage
    work=$(mktemp -d "$2/vmtest-traps.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    for name in $known; do
        broken=$work/$name
        put_trap "$name"
        for file in sockopt connect; do
            clang-14 -target bpf -mcpu=v2 -O2 -g -std=gnu11 -Wall -Wextra -Werror -I"$broken" -I"$source/include" \
                -isystem "/usr/include/$(uname -m)-linux-gnu" -c "$broken/$file.bpf.c" -o "$work/$file.o"
        done
        echo "$name compiles; to be noticed by $red"
    done
    exit 0
fi

[ $# -ge 2 ] || usage
build=$(cd "$1" && pwd) name=$2
shift 2
broken=$build/tests/vmtest/broken
put_trap "$name"
ninja -C "$build" shunt_broken vmtest_verify edge_test shunt >"$build/tests/vmtest/broken.log" 2>&1 || {
    cat "$build/tests/vmtest/broken.log"
    exit 1
}
overlay=$build/tests/vmtest/overlay
rm -rf "$overlay"
mkdir -p "$overlay/bpf"
cp "$build/tests/vmtest/shunt_broken" "$overlay/shunt"
cp "$build/tests/vmtest/shunt.bpf.linked.o" "$overlay/bpf/shunt.bpf.linked.o"
suites=$build/tests/vmtest/traps.txt
if [ "$name" = fetch ]; then
    echo 'load sh load.sh plain all 120' >"$suites"
else
    echo 'edge gtest tests/integration/edge_test plain all 300 GTEST_FILTER=*Asked*/auto_v4:*Asked*/record_v4' >"$suites"
fi
VMTEST_SUITES=$suites VMTEST_OVERLAY=$overlay "$source/vmtest/run.sh" --build "$build" "$@" || true
if [ $# -eq 0 ]; then mapfile -t kernels < <(awk '!/^#/ { print $1 }' "$source/vmtest/kernels.txt"); else kernels=("$@"); fi
result=0
for kernel in "${kernels[@]}"; do
    junit=$build/vmtest/results/$kernel/junit.xml
    expected=0 failed=$(sed -n 's/.*<testsuite [^>]*failures="\([0-9]*\)".*/\1/p' "$junit")
    case " $red " in *" $kernel "*) expected=1 ;; esac
    echo "$name: $kernel: $failed failed, expected $([ $expected -eq 1 ] && echo some || echo none)"
    if [ -z "$failed" ] || [ $((failed > 0)) -ne $expected ]; then result=1; fi
done
exit $result
