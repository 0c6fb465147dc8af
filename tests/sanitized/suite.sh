#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite.sh BUILD [CTEST ARGUMENTS]: runs the tests of a sanitized build. A report of a sanitizer fails the run, also one
# of a process whose exit code nobody asks for: every process writes its reports to BUILD/reports.
set -euo pipefail
build=$(cd "$1" && pwd)
shift
reports=$build/reports
rm -rf "$reports"
mkdir -p "$reports"
chmod 1777 "$reports" # tests change their uid
# UBSan alone may write to stderr whatever log_path says: it is built to trap, and ASan reports the trap.
export ASAN_OPTIONS="halt_on_error=1:abort_on_error=1:detect_leaks=1:handle_sigill=2:log_path=$reports/report"
result=0
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@" </dev/null || result=$?
found=("$reports"/*)
if [[ -e ${found[0]} ]]; then
    printf '\nsanitizer reports: %s\n' "${#found[@]}"
    head -n 60 "${found[@]:0:5}"
    exit 1
fi
exit "$result"
