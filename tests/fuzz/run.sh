#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh TARGET SECONDS DICTIONARY SEEDS...: fuzzes from copies of the seeds (files or folders). What is found, and the
# inputs that reach new code, stay in the target's folder, TARGET.found and TARGET.corpus.
set -euo pipefail
target=$1 seconds=$2 dictionary=$3
shift 3
mkdir -p "$target.corpus" "$target.found"
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
for seed in "$@"; do
    find "$seed" -type f -size -64k -exec cp -t "$seeds" --backup=numbered {} +
done
number=$(find "$seeds" -type f | wc -l)
((number > 0)) || { echo "run.sh: no seeds" >&2; exit 1; }

# -close_fd_mask: the targets print nothing of their own but what they expected. Leaks are looked for at the end.
output=$("$target" -seed=20261126 -max_total_time="$seconds" -max_len=32768 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$target.found/" ${dictionary:+-dict="$dictionary"} "$target.corpus" "$seeds" 2>&1) || {
    tail -n 60 <<<"$output"
    exit 1
}
grep -E 'INITED|DONE|^stat::|Recommended' <<<"$output" | tail -n 12
executed=$(sed -n 's/^stat::number_of_executed_units: *//p' <<<"$output")
((executed > number)) || { echo "run.sh: only $executed runs of $number seeds" >&2; exit 1; }
