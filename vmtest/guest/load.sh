# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Does the verifier of this kernel take every program of the BPF object, and how near to its limit does each come?
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh
verify=$SHUNT_BUILD/tests/vmtest/verify
counts=/tmp/verify.counts

object_loads() {
    if "$verify" "$1" 0 >"$counts"; then return 0; fi
    # Once more for the words of the verifier.
    bpftool prog loadall "$1" /sys/fs/bpf/shunt-t-load
    rm -rf /sys/fs/bpf/shunt-t-load
    return 1
}

# With no optional feature the object must load everywhere.
# The limit is 1,000,000 processed instructions on every kernel; compilers and kernels differ by up to a factor of two
# for one source, so that more than 300,000 on one of them is a refusal on somebody's kernel.
below_limit() { awk '$2 > 300000 { print $1 " takes " $2 " instructions of the verifier, at most 300000"; bad = 1 } END { exit bad }' "$counts"; }

found=no
for object in "$SHUNT_BUILD"/bpf/*.linked.o "$SHUNT_BUILD"/tests/vmtest/clang19/*.linked.o; do
    [ -e "$object" ] || continue
    found=yes
    name=${object##*/}
    name=${name%%.*}
    by=
    case $object in */clang19/*) name=${name}ByClang19 by=.clang19 ;; esac
    : >"$counts"
    check "Load.$name" object_loads "$object"
    check "Load.${name}IsFarFromTheLimit" below_limit
    while read -r program instructions _; do note "verifier.$program$by" "$instructions"; done <"$counts"
    [ -z "$by" ] || continue
    # All optional features at once; which of them this kernel has is for `shunt doctor` to say.
    if "$verify" "$object" 63 >/tmp/verify.all 2>&1; then note "$name.allFeatures" yes; else note "$name.allFeatures" no; fi
done
check Load.ObjectsAreThere test "$found" = yes
[ "$failed" -eq 0 ]
