#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the known kernel trap that the loader cannot see from one kernel alone into a copy of the programs and runs the
# suite `load` with it: docs/testing.md says which kernels have to turn red. usage: traps.sh BUILD [KERNEL...]
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
shift
work=$(mktemp -d "$build/vmtest-traps.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/bpf" "$work/build/vmtest" "$work/build/tests/vmtest"
ln -s "$build/vmtest/cache" "$work/build/vmtest/cache"
cp "$build/tests/vmtest/verify" "$work/build/tests/vmtest/"
cp -r "$source/bpf" "$work/bpf"

# E. A fetch atomic: the sum that the counter had is used, so that clang has to fetch it.
sed -i '0,/__sync_fetch_and_add(&counter->count, 1);/s//if (__sync_fetch_and_add(\&counter->count, 1) == 77) counter->count = 0;/' "$work/bpf/lib/account.h"
objects=()
for file in connect sockops sockopt names bind; do
    clang-14 -target bpf -mcpu=v3 -O2 -g -std=gnu11 -I"$source/include" -I"$work/bpf" -isystem /usr/include/x86_64-linux-gnu \
        -c "$work/bpf/$file.bpf.c" -o "$work/$file.o"
    objects+=("$work/$file.o")
done
bpftool gen object "$work/build/bpf/shunt.linked.o" "${objects[@]}"
"$source/vmtest/run.sh" --build "$work/build" --suite load "$@"
