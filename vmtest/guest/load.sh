# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Does the verifier of this kernel take every program of the BPF object? Its words go into the report when it does not.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh

object_loads() {
    mkdir -p /sys/fs/bpf/shunt-t-load
    bpftool -d prog loadall "$1" /sys/fs/bpf/shunt-t-load/progs pinmaps /sys/fs/bpf/shunt-t-load/maps >/tmp/load.log 2>&1
    result=$?
    rm -rf /sys/fs/bpf/shunt-t-load
    if [ "$result" -ne 0 ]; then
        grep -v '^libbpf: \(sec\|elf\|map\|extern\|looking\|prog .*: added\|skipping\|CO-RE\|loading\)' /tmp/load.log | grep -v 'relo' | tail -n 60
    fi
    return "$result"
}

for object in "$SHUNT_BUILD"/bpf/*.linked.o; do
    [ -e "$object" ] || continue
    name=${object##*/}
    check "Load.${name%%.*}" object_loads "$object"
done
[ "$failed" -eq 0 ]
