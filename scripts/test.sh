#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, runs every test and checks that nothing is left behind.
#   test.sh [CTEST ARGUMENTS]   for example: test.sh -L unit, test.sh -R peers
# The last lines are ctest's own summary; the exit code is ctest's, or 1 where a test left something behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
fi
step() { printf '\n=== %s\n' "$*"; }

step "packages"
scripts/install-deps.sh
step "build (preset release, folder build)"
cmake --preset release -DSHUNT_TESTS=ON </dev/null
cmake --build --preset release </dev/null
step "Envoy"
scripts/envoy.sh build

before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
"${as_root[@]}" scripts/leftovers.sh >"$before"
if [[ -s $before ]]; then
    step "found before the tests, not counted against them"
    cat "$before"
fi

step "tests"
# Tests that need the machine to themselves say so (RUN_SERIAL, RESOURCE_LOCK); the others share the cores.
result=0
"${as_root[@]}" ctest --test-dir build --output-on-failure --no-tests=error --parallel "$(nproc)" "$@" </dev/null ||
    result=$?

# Programs of removed cgroups are freed a little after their last link.
for ((try = 0; try < 20; try++)); do
    "${as_root[@]}" scripts/leftovers.sh >"$after"
    left=$(grep -vxFf "$before" "$after" || true)
    [[ -n $left ]] || break
    sleep 0.5
done
if [[ -n $left ]]; then
    step "FAILED: the tests left something behind" >&2
    echo "$left" >&2
    ((result != 0)) || result=1
fi
exit "$result"
