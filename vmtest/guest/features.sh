# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# What `shunt doctor` finds on this kernel. The host compares it with vmtest/expected (vmtest/golden.py): a guest has no jq.
# shellcheck source-path=SCRIPTDIR source=check.sh
. /vmtest/check.sh
answer=${VM_TAP%.tap}.json

# Exit 1 says that something required is missing or broken; the answer is kept all the same, it says what.
doctor_finds_nothing_broken() {
    "$SHUNT_BUILD/shunt" doctor --no-probe -o json >"$answer" && return 0
    grep -B 1 -A 3 '"state": "broken"' "$answer"
    return 1
}

check Features.DoctorFindsNothingBroken doctor_finds_nothing_broken
[ "$failed" -eq 0 ]
