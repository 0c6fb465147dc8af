# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# For suites written in shell: check NAME COMMAND... runs it and notes the result for the report. A suite ends with
# [ "$failed" -eq 0 ]. note KEY VALUE is shown for each kernel beside the results.
: >"$VM_TAP"
# shellcheck disable=SC2034 # read by the suite
failed=0

note() { echo "$1 $2" >>"${VM_TAP%.tap}.notes"; }

chosen() { # chosen NAME: the filter as gtest reads it, a:b-c:d with * and ?
    [ -n "$VM_FILTER" ] || return 0
    match_any "$1" "${VM_FILTER%%-*}" || return 1
    case $VM_FILTER in *-*) ! match_any "$1" "${VM_FILTER#*-}" ;; esac
}

match_any() {
    set -f
    old_ifs=$IFS
    IFS=:
    for pattern in ${2:-*}; do
        # shellcheck disable=SC2254 # it is a pattern
        case $1 in $pattern)
            IFS=$old_ifs
            return 0
            ;;
        esac
    done
    IFS=$old_ifs
    return 1
}

check() {
    check_name=$1
    shift
    chosen "$check_name" || return 0
    if check_out=$("$@" 2>&1); then
        echo "ok $check_name" >>"$VM_TAP"
    else
        # shellcheck disable=SC2034 # read by the suite
        failed=1
        echo "not ok $check_name" >>"$VM_TAP"
        printf '%s\n' "$check_out" | tail -n 40 | sed 's/^/# /' >>"$VM_TAP"
        printf '%s\n' "$check_name failed:" "$check_out"
    fi
}

