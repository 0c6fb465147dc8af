#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints what tests have left behind, one object per line; nothing where all is clean. Root sees everything.
#   leftovers.sh [PREFIX]   (default: shunt-t-, the prefix of everything a test creates)
set -euo pipefail
prefix=${1:-shunt-t-}

for path in /run/netns/"$prefix"* /var/run/netns/"$prefix"* /tmp/"$prefix"* /run/"$prefix"*; do
    if [[ -e $path || -L $path ]]; then echo "path $(realpath -s "$path")"; fi
done | sed 's#^path /var/run/#path /run/#' | sort -u

# Mount points of cgroup2 and bpffs, wherever they are.
awk '{ for (i = 7; i < NF; i++) if ($i == "-" && ($(i+1) == "cgroup2" || $(i+1) == "bpf")) print $(i+1), $5 }' \
    /proc/self/mountinfo | sort -u | while read -r type mount; do
    find "$mount" -maxdepth 3 -name "$prefix*" -printf "$type %p\n" 2>/dev/null || true
done

# Processes whose name or command line carries the prefix (proxies are started with files of the test's directory).
# This script and its caller carry it too, as an argument or in a file name: leave out our own family.
for directory in /proc/[0-9]*; do
    pid=${directory#/proc/}
    [[ $pid == "$$" || $pid == "$PPID" || $pid == "$BASHPID" ]] && continue
    words=$(tr '\0' ' ' 2>/dev/null <"$directory/cmdline" || true)
    name=$(cat "$directory/comm" 2>/dev/null || true)
    if [[ $name == "$prefix"* || $words == *"$prefix"* ]]; then
        echo "process $pid $name: ${words:0:120}"
    fi
done

if ((EUID == 0)) && command -v bpftool >/dev/null; then
    bpftool prog list 2>/dev/null | sed -n 's/^\([0-9]*\): .* name \(shunt_[a-z0-9_]*\) .*/bpf program \1 \2/p'
fi
