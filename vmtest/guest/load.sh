# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Does the verifier of this kernel take every program of the BPF object? Its words go into the report when it does not.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh

object_loads() {
    mkdir -p /sys/fs/bpf/shunt-t-load
    bpftool prog loadall "$1" /sys/fs/bpf/shunt-t-load/progs pinmaps /sys/fs/bpf/shunt-t-load/maps
    result=$?
    rm -rf /sys/fs/bpf/shunt-t-load
    return "$result"
}

for object in "$SHUNT_BUILD"/bpf/*.linked.o; do
    [ -e "$object" ] || continue
    name=${object##*/}
    check "Load.${name%%.*}" object_loads "$object"
done
[ "$failed" -eq 0 ]
