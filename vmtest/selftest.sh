#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows that vmtest notices what can go wrong: a guest that panics, hangs or falls silent, a suite that fails, dies, ends
# early or gets stuck, and every wrong use. One kernel is enough. usage: selftest.sh BUILD [KERNEL]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1 kernel=${2:-6.1}
mkdir -p "$build"
build=$(cd "$build" && pwd)
work=$(mktemp -d "$build/vmtest-selftest.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$build/vmtest/cache" "$work/build/vmtest" "$work/empty"
ln -s "$(cd "$build/vmtest/cache" && pwd)" "$work/build/vmtest/cache"
passed=0 failed=0

# expect WHAT EXIT-CODE WORDS COMMAND...: the command ends so and says so.
expect() {
    local what=$1 code=$2 words=$3 result=0
    shift 3
    "$@" >"$work/output" 2>&1 </dev/null || result=$?
    if [ "$result" -eq "$code" ] && grep -q -- "$words" "$work/output"; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what: exit $result, expected $code and '$words'; it said:"
        sed 's/^/    /' "$work/output"
    fi
}
run=("$here/run.sh" --build "$work/build" --timeout 60)
suite() { printf 'fault sh fault.sh plain all 5 FAULT_SUITE=%s\n' "$1" >"$work/suites.txt"; }

export VMTEST_SUITES=$work/suites.txt
suite none
expect "a suite that passes" 0 "1 of 1 passed" "${run[@]}" --keep "$kernel"
expect "what --keep keeps" 0 "initrd$" ls "$work/build/vmtest/root.cpio" "$work/build/vmtest/results/$kernel/initrd"
expect "a guest that panics" 1 "panicked: .*Kernel panic" env VM_FAULT=panic "${run[@]}" "$kernel"
expect "a guest that hangs" 1 "hung: no end after 20 s" env VM_FAULT=hang "${run[@]}" --timeout 20 "$kernel"
expect "a guest that falls silent" 1 "lost its final line" env VM_FAULT=silent "${run[@]}" "$kernel"
suite fail
expect "a test that fails" 1 "FAIL Fault.SecondFails on $kernel" "${run[@]}" "$kernel"
junit_says() {
    python3 - "$work/build/vmtest/results/$kernel/junit.xml" "$kernel" <<'PY'
import sys, xml.etree.ElementTree as xml
suite = xml.parse(sys.argv[1]).getroot()
print(suite.tag, *(f"{key}={suite.get(key)}" for key in ("name", "tests", "failures", "skipped")), float(suite.get("time")) > 0, end="")
for case in suite:
    print(";", case.tag, case.get("classname"), case.get("name"), *(node.tag + "=" + node.text.strip() for node in case), end="")
PY
}
expect "its JUnit XML" 0 "^testsuite name=vmtest.$kernel tests=2 failures=1 skipped=0 True; testcase $kernel.Fault FirstPasses; \
testcase $kernel.Fault SecondFails failure=the reason\$" junit_says
expect "a filter" 0 "1 of 1 passed" "${run[@]}" "$kernel" -- 'Fault.First*'
expect "a filter that matches nothing" 1 "no test ran" "${run[@]}" "$kernel" -- 'Nothing.*'
suite die
expect "a suite that is killed" 1 "fault.ended" "${run[@]}" "$kernel"
suite exit
expect "a suite that ends early" 1 "exit code 3 without a failed test" "${run[@]}" "$kernel"
suite stuck
expect "a suite that gets stuck" 1 "killed after 5" "${run[@]}" "$kernel"
printf 'gone gtest tests/gone_test plain all 5\n' >"$work/suites.txt"
expect "a suite that is not built" 1 "gone_test is not built" "${run[@]}" "$kernel"

export VMTEST_EXPECTED=$work/expected
suite features
expect "a kernel without expected features" 1 "expected/$kernel.json does not exist" "${run[@]}" "$kernel"
expect "expected features that are written on purpose" 0 "written: .*/$kernel.json" env SHUNT_UPDATE_GOLDEN=1 "${run[@]}" "$kernel"
expect "the expected features" 0 "2 of 2 passed" "${run[@]}" "$kernel"
sed -i 's/"second": false/"second": true/' "$work/expected/$kernel.json"
expect "a feature that is gone" 1 '^ *+ *"second": false' "${run[@]}" "$kernel"
suite nofeatures
expect "a doctor that finds no features, on purpose" 1 "not {}" env SHUNT_UPDATE_GOLDEN=1 "${run[@]}" "$kernel"

suite none
expect "an unknown kernel" 2 "unknown kernel '4.19'; known: 5.10-old 5.10" "${run[@]}" 4.19
expect "an unknown suite" 2 "unknown suite 'x'; known: fault" "${run[@]}" --suite x
expect "a suite that only the selection has" 2 "unknown suite 'fault'; known: smoke load" "${run[@]}" --whole --suite fault
expect "a suite for one kernel" 0 "1 of 1 passed" "${run[@]}" --suite "fault@$kernel" "$kernel"
expect "a suite for another kernel" 1 "no test ran" "${run[@]}" --suite fault@5.10-old "$kernel"
expect "a suite for an unknown kernel" 2 "suite fault@4.19: unknown kernel '4.19'; known: 5.10-old" "${run[@]}" --suite fault@4.19
expect "an unknown option" 2 "unknown option --fast" "${run[@]}" --fast
expect "an option without its value" 2 "--jobs needs a value" "${run[@]}" --jobs
expect "the list" 0 "^$kernel .*linux-image-" "${run[@]}" --list
# shell_says WORDS COMMAND LINE...: types the command at the prompt of the shell on a terminal, reads its answer, leaves.
shell_says() {
    python3 - "$@" <<'PY'
import os, pty, select, sys, time
words, command, *line = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(line[0], line)
seen, end = b"", time.monotonic() + 180
def wait_for(text):
    global seen
    while text not in seen:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {text} after 180 s: {seen.decode(errors='replace')}")
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            sys.exit(f"ended before {text}: {seen.decode(errors='replace')}")
    seen = seen.partition(text)[2]
def type_line(text):
    os.write(terminal, text.encode() + b"\n")
    wait_for(text.encode())  # its echo
wait_for(b"# ")
type_line(command)
wait_for(words.encode())
print("the shell said", words)
wait_for(b"# ")
type_line("exit")
try:
    while os.read(terminal, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}
release=$(sed -n 's/^release=//p' "$build/vmtest/cache/$kernel/info")
expect "a shell" 0 "the shell said $release" shell_says "$release" "uname -r" "${run[@]}" --shell "$kernel"

for tool in bash sh dirname sed awk cat tr grep env; do ln -s "$(command -v $tool)" "$work/empty/$tool"; done
expect "no QEMU" 1 "apt-get install qemu-system-x86" env PATH="$work/empty" "${run[@]}" "$kernel"
mkdir "$work/tools"
for tool in ${PATH//:/ }; do ln -s "$tool"/* "$work/tools/" 2>/dev/null || true; done
rm -f "$work/tools/haproxy"
mkdir -p "$work/build/tests/integration/peers"
cp "$(command -v busybox)" "$work/build/tests/integration/peers/peers_test"
printf 'other gtest tests/integration/peers/peers_test plain all 5\n' >"$work/suites.txt"
expect "a suite of proxies under another name" 1 "haproxy is not installed" env PATH="$work/tools" "${run[@]}" "$kernel"
suite none
rm "$work/tools/objcopy"
expect "no objcopy" 1 "apt-get install binutils$" env PATH="$work/tools" "${run[@]}" "$kernel"
mkdir "$work/full"
printf '#!/bin/sh\necho Filesystem 1M-blocks Used Available\necho none 100 90 10\n' >"$work/full/df"
chmod +x "$work/full/df"
expect "no room" 1 "needs 1500 MiB in .*, 10 MiB are free" env PATH="$work/full:$PATH" "${run[@]}" "$kernel"
gone=(env VMTEST_MIRROR=http://127.0.0.1:9/debian VMTEST_SECURITY_MIRROR=http://127.0.0.1:9/debian-security)
expect "a mirror that is gone, and a cache" 0 "could not be fetched .*; using the cached linux-image-" "${gone[@]}" "${run[@]}" --update "$kernel"
# The lists are there and hold nothing that fits.
mkdir "$work/lists"
printf '#!/bin/sh\n' | tee "$work/lists/apt-get" >"$work/lists/apt-cache"
chmod +x "$work/lists"/*
expect "a suite without the package, and a cache" 0 "suite .* was searched and has no package .*; using the cached linux-image-" \
    "${gone[@]}" PATH="$work/lists:$PATH" "${run[@]}" --update "$kernel"
rm "$work/build/vmtest/cache"
expect "no room for a download" 1 "needs 1500 MiB in .*, 10 MiB are free" "${gone[@]}" PATH="$work/full:$PATH" "${run[@]}" "$kernel"
expect "a mirror that is gone, and no cache" 1 "package list of suite .* could not be fetched .*, and nothing is cached" "${gone[@]}" "${run[@]}" "$kernel"
expect "a suite without the package" 1 "suite .* was searched and has no package that matches linux-image-.*, and nothing is cached" \
    "${gone[@]}" PATH="$work/lists:$PATH" "${run[@]}" "$kernel"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
