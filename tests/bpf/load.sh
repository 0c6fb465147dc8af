#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# load.sh COMPILER BPFTOOL BPF_ABI VERIFY SOURCES FLAGS...: builds the BPF objects with that compiler and loads them into
# the running kernel, with all its features and with none. The ABI must be the one of the build, whatever its compiler.
set -euo pipefail
compiler=$1 bpftool=$2 abi=$3 verify=$4 sources=$5
shift 5

command -v "$compiler" >/dev/null || { echo "$compiler is not installed (scripts/install-deps.sh)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

objects=()
for source in "$sources"/*.bpf.c; do
    object=$folder/$(basename "$source" .c).o
    "$compiler" "$@" -c "$source" -o "$object"
    objects+=("$object")
done
"$bpftool" gen object "$folder/shunt.o" "${objects[@]}"

read -r hash built_in features < <("$abi" "$folder/shunt.o")
echo "$compiler: ABI $hash, of the build $built_in; features of this kernel $features"
[[ $hash == "$built_in" ]] || { echo "the ABI depends on the compiler" >&2; exit 1; }
for bits in "$features" 0; do
    echo "features $bits: program, processed instructions, states"
    loaded=$("$verify" "$folder/shunt.o" "$bits")
    echo "$loaded"
    for program in connect4 connect6 peername4 peername6 sockops origdst; do
        grep -q "^shunt_$program " <<<"$loaded" || { echo "shunt_$program was not loaded" >&2; exit 1; }
    done
done
