#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# depfiles.sh CMAKE SOURCE: in a copy of the BPF sources, touching a header rebuilds the objects that include it, and
# only those.
set -euo pipefail
cmake=$1 source=$2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r "$source/bpf" "$source/cmake" "$source/include" "$folder"
cat >"$folder/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(depfiles LANGUAGES C)
set(SHUNT_BPF_CLANG clang-14)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_SOURCE_DIR}/cmake)
include(BpfSkeleton)
add_subdirectory(bpf)
END
"$cmake" -S "$folder" -B "$folder/build" -G Ninja >"$folder/log" || { cat "$folder/log"; exit 1; }

# Builds, and prints the sources that were compiled for it.
build() { "$cmake" --build "$folder/build" --target shunt_skeleton_files shunt_iter_skeleton_files | grep -o 'BPF [a-z]*\.bpf\.c' | sort || true; }

echo "at first: $(build | tr '\n' ' ')"
[[ -z $(build) ]] || { echo "a second build compiles again" >&2; exit 1; }
failed=0
for header in "$folder"/bpf/*.h "$folder"/bpf/lib/*.h "$folder"/include/shunt/*.h; do
    touch "$header"
    rebuilt=$(build)
    echo "${header#"$folder"/}: $(tr '\n' ' ' <<<"$rebuilt")"
    [[ -n $rebuilt ]] || { echo "touching ${header#"$folder"/} rebuilds nothing" >&2; failed=1; }
    for unit in "$folder"/bpf/*.bpf.c; do
        name=$(basename "$unit")
        if grep -q "^#include \"\(lib/\|shunt/\)\?$(basename "$header")\"" "$unit" && ! grep -q "$name" <<<"$rebuilt"; then
            echo "$name includes ${header#"$folder"/} and was not rebuilt" >&2
            failed=1
        fi
    done
done
exit $failed
