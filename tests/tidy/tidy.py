#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over one folder of userspace/: tidy.py ROOT BUILD FOLDER ("." is main.cpp). Exit 1 where it finds anything.

Every source of the folder is looked at with the flags it is built with, every header through a source that includes it;
one that is not reached is an error, not a silence. A file whose text, own headers, flags, checks and system headers are
those of a clean run is not looked at again (BUILD/tidy holds a stamp per source).
"""
import functools
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

TOOL = "clang-tidy-14"
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)


def flags_of(entry):
    """What decides the meaning of the source; optimisation, sanitizers and outputs do not."""
    arguments = shlex.split(entry["command"])
    kept = [arg for arg in arguments if arg.startswith(("-D", "-I", "-std=", "-W")) and not arg.startswith("-Wl,")]
    for option, value in zip(arguments, arguments[1:]):
        if option == "-isystem":
            kept += [option, value]
    return kept


class Tree:
    def __init__(self, root, build):
        self.root, self.build = os.path.realpath(root), os.path.realpath(build)
        self.userspace = os.path.join(self.root, "userspace")
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as file:
            entries = json.load(file)
        # Tests build some sources a second time, with other headers: what counts is how shunt itself is built.
        self.flags = {
            os.path.realpath(entry["file"]): flags_of(entry)
            for entry in entries
            if f"{os.sep}userspace{os.sep}" in entry["file"] and " -o userspace/" in entry["command"]
        }

    @functools.lru_cache(maxsize=None)
    def includes(self, path):
        """Files of the tree that `path` includes, however far down, itself among them."""
        seen, waiting = set(), [path]
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            with open(current, "rb") as file:
                names = INCLUDE.findall(file.read())
            folders = [os.path.dirname(current)] + [os.path.join(self.root, d) for d in ("userspace", "include", "bpf")]
            for name in names:
                found = (os.path.join(folder, name.decode()) for folder in folders)
                waiting += [os.path.normpath(file) for file in found if os.path.isfile(file)][:1]
        return frozenset(seen)

    def files(self, folder):
        """(sources, headers) of a folder, with its sub-folders."""
        if folder == ".":
            names = [os.path.join(self.userspace, name) for name in os.listdir(self.userspace)]
        else:
            walk = os.walk(os.path.join(self.userspace, folder))
            names = [os.path.join(path, name) for path, _, files in walk for name in files]
        return sorted(n for n in names if n.endswith(".cpp")), sorted(n for n in names if n.endswith(".h"))

    def key(self, source, environment):
        digest = hashlib.sha256(environment)
        digest.update("\0".join(self.flags[source]).encode())
        folder = os.path.dirname(source)
        checks = []
        while folder.startswith(self.root):
            checks.append(os.path.join(folder, ".clang-tidy"))
            folder = os.path.dirname(folder)
        for path in sorted(self.includes(source)) + [path for path in checks if os.path.isfile(path)]:
            with open(path, "rb") as file:
                digest.update(path.encode() + b"\0" + hashlib.sha256(file.read()).digest())
        return digest.hexdigest()


def environment():
    """The tool and the packages that bring system headers."""
    tool = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
    headers = subprocess.run(["dpkg-query", "-W", "*-dev"], capture_output=True, check=False).stdout
    return tool + headers


def tidy(tree, source, stamp, key):
    command = [TOOL, "--quiet", source, "--", *tree.flags[source]]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tree.root, check=False)
    if result.returncode == 0 and "warning:" not in result.stdout and "error:" not in result.stdout:
        os.makedirs(os.path.dirname(stamp), exist_ok=True)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(key)
        return True
    errors = [line for line in result.stderr.splitlines() if not re.match(r"\d+ warnings? ", line)]
    print(result.stdout + "\n".join(errors), flush=True)
    return False


def main(root, build, folder):
    tree = Tree(root, build)
    sources, headers = tree.files(folder)
    if not sources and not headers:
        print(f"userspace/{folder}: no source and no header")
        return 1
    problems = [f"{source}: in no target: not built, so not looked at" for source in sources if source not in tree.flags]
    reached = frozenset().union(*(tree.includes(source) for source in tree.flags if os.path.isfile(source)))
    abi = [os.path.join(path, n) for path, _, names in os.walk(f"{tree.root}/include") for n in names if n.endswith(".h")]
    problems += [f"{header}: no source includes it, so nothing looks at it" for header in headers + abi
                 if header not in reached]
    print(*problems, sep="\n", end="\n" if problems else "")

    env = environment()
    looked, clean = 0, not problems
    for source in (source for source in sources if source in tree.flags):
        stamp = os.path.join(tree.build, "tidy", os.path.relpath(source, tree.root) + ".ok")
        key = tree.key(source, env)
        if os.path.isfile(stamp):
            with open(stamp, encoding="utf-8") as file:
                if file.read() == key:
                    continue
        looked += 1
        clean = tidy(tree, source, stamp, key) and clean
    print(f"userspace/{folder}: {len(sources)} sources, {looked} looked at, {len(sources) - looked} as in the last clean run")
    return 0 if clean else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
