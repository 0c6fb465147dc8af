#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a compiler does not check: lint.py RULE [ROOT]. Prints PATH:LINE: MESSAGE for each breach, exit 1.

lint_selftest.py breaks every rule once; a rule without a case there fails that test.
"""
import os
import re
import shutil
import subprocess
import sys

# The second lock on the direction of dependencies; the first is PUBLIC and PRIVATE in userspace/*/CMakeLists.txt.
# A folder may include itself, what stands here, and the kernel ABI (shunt/).
DIRECTION = {
    "base": set(),
    "model": {"base"},
    "config": {"base", "model"},
    "importer": {"base", "model", "config"},
    "policy": {"base", "model"},
    "inspect": {"base", "model", "policy"},
    "kernel": {"base"},
    "sync": {"base", "model", "policy", "kernel"},
    "telemetry": {"base", "kernel"},
    "diagnose": {"base", "model", "policy", "kernel", "sync", "telemetry"},
    "daemon": {"base", "model", "config", "importer", "policy", "kernel", "sync", "telemetry", "diagnose"},
    "bench": {"base", "model", "config", "policy", "kernel", "sync", "telemetry"},
    "cli": {"base", "model", "config", "importer", "policy", "inspect", "kernel", "sync", "telemetry", "diagnose", "daemon", "bench"},
}
KERNEL_NAME_LIMIT = 15  # TASK_COMM_LEN-like limit of BPF object names: longer ones are cut without a word
LINE_LIMIT = 500

CODE = (".c", ".h", ".cpp", ".py", ".sh", ".cmake", ".js", ".css")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files(root):
    """Files of the work tree, relative to it: tracked ones and new ones, without what .gitignore names."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False) if os.path.exists(f"{root}/.git") else None
    if listed and listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:  # an exported tree, and the fixtures of the selftest
        names = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, folders, entries in os.walk(root)
                 if not folders.__setitem__(slice(None), [f for f in folders if not f.startswith(("build", ".git"))])
                 for name in entries]
    return sorted(name for name in set(names) if name and os.path.isfile(os.path.join(root, name)))


def lines(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def includes(root, wanted):
    for name in files(root):
        if name.endswith((".c", ".h", ".cpp")) and wanted(name):
            for number, line in enumerate(lines(root, name), 1):
                if match := INCLUDE.match(line):
                    yield name, number, match.group(2)


def in_userspace(name):
    return name.startswith("userspace/") and name.count("/") >= 2


def rule_direction(root):
    for name, number, included in includes(root, in_userspace):
        folder, target = name.split("/")[1], included.split("/")[0]
        if folder not in DIRECTION:
            yield name, number, f"folder {folder} has no place in the direction of dependencies (DIRECTION in lint.py)"
        elif target in DIRECTION and "/" in included and target != folder and target not in DIRECTION[folder]:
            yield name, number, f'{folder} may not include "{included}": the direction is {target} after {folder}'


def rule_libbpf(root):
    for name, number, included in includes(root, in_userspace):
        if (included.startswith("bpf/") and not included.startswith("bpf/lib/") or included.endswith(".skel.h")) \
                and not name.startswith("userspace/kernel/"):
            yield name, number, f"<{included}>: only userspace/kernel includes libbpf or the skeleton"


def rule_decide(root):
    for name, number, included in includes(root, in_userspace):
        if included.endswith("lib/decide.h") and not name.startswith("userspace/policy/"):
            yield name, number, f"{included}: only userspace/policy includes the verdict's header"


def rule_spdx(root):
    for name in files(root):
        base = os.path.basename(name)
        if name.endswith(CODE) or base == "CMakeLists.txt" or name == ".ci/run":
            if not any("SPDX-License-Identifier:" in line for line in lines(root, name)[:3]):
                yield name, 1, "no SPDX-License-Identifier in the first three lines"


def rule_names(root):
    """Names of maps and programs as the kernel will show them."""
    map_definition = re.compile(r"}\s*(\w+)\s*SEC\(\"\.maps\"\)")
    program = re.compile(r'SEC\("(?:cgroup|sockops|iter|sk_msg|raw_tp|xdp)[^"]*"\)\s*(?:static\s+)?int\s+(?:BPF_\w+\()?(\w+)')
    for name in files(root):
        if not name.startswith("bpf/") or not name.endswith((".c", ".h")):
            continue
        text = "\n".join(lines(root, name))
        for pattern, what in ((map_definition, "map"), (program, "program")):
            for match in pattern.finditer(text):
                found, number = match.group(1), text.count("\n", 0, match.start(1)) + 1
                if len(found) > KERNEL_NAME_LIMIT:
                    yield name, number, f"{what} {found} has {len(found)} characters, the kernel keeps {KERNEL_NAME_LIMIT}"
                if not found.startswith("shunt_"):
                    yield name, number, f"{what} {found}: names begin with shunt_"


def rule_vmlinux(root):
    for name in files(root):
        if os.path.basename(name) == "vmlinux.h":
            yield name, 1, "UAPI headers are enough (docs/architecture.md)"
    for name, number, included in includes(root, lambda _: True):
        if os.path.basename(included) == "vmlinux.h":
            yield name, number, "includes vmlinux.h; UAPI headers are enough"


def rule_size(root):
    for name in files(root):
        if name.endswith(CODE) and (count := len(lines(root, name))) > LINE_LIMIT:
            yield name, count, f"{count} lines, at most {LINE_LIMIT}: is there more than one job in it?"


def rule_leftovers(root):
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for name in files(root):
        if name.endswith(CODE) or os.path.basename(name) == "CMakeLists.txt":
            for number, line in enumerate(lines(root, name), 1):
                if match := words.search(line):
                    yield name, number, f"{match.group(0)}: file an issue instead"


def rule_named_tests(root):
    """A test that a table of the documentation names as its proof is there."""
    defined, suites = set(), set()
    for name in files(root):
        if name.startswith("tests/") and name.endswith(".cpp"):
            for suite, case in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", "\n".join(lines(root, name)), re.MULTILINE):
                suites.add(suite)
                defined.add(f"{suite}.{case}")
    for name in ("docs/security.md", "docs/reliability.md"):
        for number, line in enumerate(lines(root, name) if os.path.isfile(os.path.join(root, name)) else [], 1):
            if not line.startswith("| "):
                continue
            for suite, case in re.findall(r"\b([A-Z]\w+)\.([A-Z]\w+|\*)", line.rsplit("|", 2)[-2]):
                if suite not in suites or (case != "*" and f"{suite}.{case}" not in defined):
                    yield name, number, f"there is no test {suite}.{case}"


def tool(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    sys.exit(f"lint: none of {', '.join(names)} is installed (scripts/install-deps.sh)")


def rule_shellcheck(root):
    scripts = [name for name in files(root) if name.endswith(".sh") or name == ".ci/run"]
    if not scripts:
        return
    run = subprocess.run([tool("shellcheck"), "--format=gcc", "--external-sources", "--source-path=SCRIPTDIR", *scripts],
                         cwd=root, capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        if match := re.match(r"(.+?):(\d+):\d+: (.*)", line):
            yield match.group(1), int(match.group(2)), match.group(3)


def rule_format(root):
    """C++ only: bpf/ and include/ are C in the kernel's style."""
    sources = [name for name in files(root)
               if name.startswith(("userspace/", "tests/")) and name.endswith((".cpp", ".h"))]
    if not sources:
        return
    run = subprocess.run([tool("clang-format-14", "clang-format"), "--dry-run", *sources],
                         cwd=root, capture_output=True, text=True, check=False)
    seen = set()
    for line in run.stderr.splitlines():
        if (match := re.match(r"(.+?):(\d+):\d+: warning", line)) and match.group(1) not in seen:
            seen.add(match.group(1))
            yield match.group(1), int(match.group(2)), "not formatted; scripts/format.sh does it"


RULES = {name[5:]: function for name, function in globals().items() if name.startswith("rule_")}


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] not in RULES:
        sys.exit(f"usage: lint.py {'|'.join(RULES)} [ROOT]")
    root = os.path.abspath(arguments[1] if len(arguments) == 2 else os.path.join(os.path.dirname(__file__), "../.."))
    breaches = list(RULES[arguments[0]](root))
    for name, number, message in breaches:
        print(f"{name}:{number}: {message}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
