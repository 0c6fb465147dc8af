# SPDX-License-Identifier: Apache-2.0
"""Which tests of the bpf and integration suites run in a guest, and why the others do not. Each is either taken by a line
of suites.txt or stands in left-out.txt with its reason: nothing is left out silently.

usage: coverage.py BUILD SUITES LEFT-OUT    prints what is left out; exit: 0 every test is in one of the lists, 1 it is not
"""
import os
import re
import subprocess
import sys
from pathlib import Path


def lines_of(path):
    for line in Path(path).read_text().split("\n"):
        line = line.partition("#")[0].strip()
        if line:
            yield line


def matches(name, patterns):
    """As gtest reads a filter: a:b-c:d with * and ?."""
    wanted, _, unwanted = patterns.partition("-")

    def any_of(text):
        return any(re.fullmatch(re.escape(p).replace(r"\*", ".*").replace(r"\?", "."), name) for p in text.split(":") if p)

    return any_of(wanted or "*") and not any_of(unwanted)


def gtest_names(executable):
    listed = subprocess.run([executable, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout
    suite = ""
    for line in listed.split("\n"):
        if line.startswith("  "):
            yield suite + line.split("#")[0].strip()
        elif line and not line.startswith("Running main"):
            suite = line.split("#")[0].strip()


def all_tests(build):
    """(executable, name) of each gtest case below tests/integration, ("ctest", name) of each other test with a label of these
    suites."""
    found = []
    for path in sorted((build / "tests/integration").rglob("*_test")):
        if path.is_file() and os.access(path, os.X_OK):
            found += [(path.name, name) for name in gtest_names(path)]
    for path in sorted(build.rglob("CTestTestfile.cmake")):
        text = path.read_text()
        found += [("ctest", name) for name in re.findall(
            r"set_tests_properties\(\[=\[(\S+?)\]=\] PROPERTIES [^\n]*LABELS \"(?:bpf|integration)\"", text)]
    return found


def main(build, suites, left_out):
    taken = []
    for line in lines_of(suites):
        _, kind, path, *rest = line.split()
        filters = [word.partition("=")[2] for word in rest if word.startswith("GTEST_FILTER=")]
        taken.append((Path(path).name, filters[0] if filters else "*"))
    reasons = []
    for line in lines_of(left_out):
        executable, patterns, reason = line.split(None, 2)
        reasons.append([executable, patterns, reason, 0])
    tests = all_tests(Path(build))
    unsaid, there = [], 0
    for executable, name in tests:
        if any(executable == of and matches(name, patterns) for of, patterns in taken):
            there += 1
            continue
        for entry in reasons:
            if entry[0] == executable and matches(name, entry[1]):
                entry[3] += 1
                break
        else:
            unsaid.append(f"{executable} {name}")
    print(f"{there} of the {len(tests)} tests of the bpf and integration suites run in a guest; the others run on the host only:")
    for executable, patterns, reason, count in reasons:
        print(f"  {count:3} {executable} {patterns}: {reason}")
    stale = [f"{executable} {patterns}" for executable, patterns, _, count in reasons if count == 0]
    for name in unsaid:
        print(f"vmtest: error: {name} runs in no guest; take it into suites.txt, or say in left-out.txt why not", file=sys.stderr)
    for name in stale:
        print(f"vmtest: left-out.txt: '{name}' names no test that is left out in this build", file=sys.stderr)
    return 1 if unsaid or not tests else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
