#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# selftest.sh TARGET SEEDS: run.sh finds the planted error and fails.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$1.corpus" "$1.found"
if output=$("$here/run.sh" "$1" 60 "" "$2"); then
    printf 'the planted error was not found:\n%s\n' "$output" >&2
    exit 1
fi
[[ -n $(ls "$1.found") ]] || { printf 'no input was kept:\n%s\n' "$output" >&2; exit 1; }
echo "planted: found"
