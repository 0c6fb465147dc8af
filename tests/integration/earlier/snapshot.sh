#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes a picture of what a build of shunt installs: its BPF objects, which programs it attaches, and what stands in its
# tables. earlier_install.cpp makes an installation of it again without that build. Needs root, bpftool and python3.
# usage: snapshot.sh SHUNT FOLDER-WITH-ITS-LINKED-OBJECTS NAME     writes NAME.tar.xz beside this script
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "${SNAPSHOT_INSIDE:-}" != 1 ]; then exec env SNAPSHOT_INSIDE=1 unshare --mount --propagation private "$0" "$@"; fi
shunt=$1 objects=$2 name=$3
work=$(mktemp -d)
cgroups=$(awk '$9 == "cgroup2" || $8 == "cgroup2" || / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
cgroup=$cgroups/shunt-t-snapshot
mkdir "$cgroup" "$work/bpf" "$work/run" "$work/out"
mount -t bpf bpf "$work/bpf"
words=("$shunt" --pin-dir "$work/bpf/shunt" --run-dir "$work/run")
finish() {
    [ -z "${controller:-}" ] || kill "$controller" 2>/dev/null || true
    wait || true
    "${words[@]}" uninstall --drain 0 >/dev/null || true
    umount "$work/bpf"
    rmdir "$cgroup"
    rm -rf "$work"
}
trap finish EXIT
# No cgroup but the captured one, whose id stands in no table: the tables fit any machine.
cat >"$work/config.yaml" <<'YAML'
proxy:
  listen: [0.0.0.0:15001, "[::]:15001"]
  identity: { uids: [1337] }
capture:
  cgroups: [/shunt-t-snapshot]
  excludeOutboundIPRanges: [198.51.100.0/24, "2001:db8:1::/48"]
YAML
"${words[@]}" run -c "$work/config.yaml" 2>"$work/log" &
controller=$!
until grep -q ready "$work/log"; do
    kill -0 "$controller" 2>/dev/null || { cat "$work/log" && exit 1; }
    sleep 0.1
done
python3 - "$work/bpf/shunt" >"$work/out/installation.txt" <<'PY'
import json, os, subprocess, sys
root = sys.argv[1]
layout, = os.listdir(root)
pins = f"{root}/{layout}"
def tool(*words):
    return json.loads(subprocess.run(["bpftool", "-j", *words], check=True, capture_output=True).stdout)
def text(hexes):
    return "".join(h[2:] for h in hexes)
# Numbers of enum bpf_map_type.
kinds = ["unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace",
         "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie"]
def entries(kind, dump):
    for entry in dump:
        if "value" in entry:
            key, value = text(entry["key"]), text(entry["value"])
            if kind != "array" or value.strip("0"):  # an array's entries are all there from the start
                print("entry", key, value)
files = [name for name in sorted(os.listdir(pins)) if not os.path.isdir(f"{pins}/{name}")]
banks = {}  # maps that stand in another one have pins too
for name in files:
    if name[-2:] in ("_0", "_1"):
        banks[tool("map", "show", "pinned", f"{pins}/{name}")["id"]] = name
print("layout", layout)
for pin in sorted(os.listdir(pins + "/links")):
    print("link", pin.rpartition("_")[0])
for name in files:
    path = f"{pins}/{name}"
    if name in banks.values():
        continue
    info = tool("map", "show", "pinned", path)
    if info["type"] in ("array", "hash"):
        print("map", name)
        entries(info["type"], tool("map", "dump", "pinned", path))
    elif info["type"] in ("array_of_maps", "hash_of_maps"):
        for entry in tool("map", "dump", "pinned", path):
            if "inner_map_id" not in entry and "value" not in entry:
                continue
            number = entry.get("inner_map_id")
            if number is None:
                number = int.from_bytes(bytes(int(h, 16) for h in entry["value"]), "little")
            inner = tool("map", "show", "id", str(number))
            if inner["type"] == "ringbuf":
                continue
            print("inner", name, text(entry["key"]), banks[number], kinds.index(inner["type"]), inner["bytes_key"],
                  inner["bytes_value"], inner["max_entries"], inner["flags"])
            entries(inner["type"], tool("map", "dump", "id", str(number)))
PY
for file in shunt shunt_iter; do
    cp "$objects/$file.bpf.linked.o" "$work/out/$file.bpf.o"
    strip=$(command -v llvm-strip llvm-strip-19 llvm-strip-14 | head -n 1)
    "$strip" -g "$work/out/$file.bpf.o"
done
tar -C "$work/out" --sort=name --owner=0 --group=0 --mtime=@0 -cJf "$here/$name.tar.xz" .
ls -l "$here/$name.tar.xz"
