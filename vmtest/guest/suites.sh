# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# Runs /vmtest/suites phase by phase and sends what they say over ttyS1, in this form (read by vmtest/report.py):
#   @@suite PHASE NAME   @@file NAME ... @@end NAME   @@status PHASE NAME EXIT SECONDS   and, last of all, @@done
stty -F /dev/ttyS1 raw -echo
exec 3>/dev/ttyS1
results=/vmtest/results

send() { # send NAME FILE
    [ -e "$2" ] || return 0
    printf '@@file %s\n' "$1" >&3
    cat "$2" >&3
    printf '\n@@end %s\n' "$1" >&3
}

run_suite() { # run_suite PHASE NAME KIND FILE SECONDS SETTINGS...
    phase=$1 name=$2 kind=$3 file=$4 seconds=$5
    shift 5
    id=$phase.$name
    log=$results/$id.log
    printf '@@suite %s %s\n' "$phase" "$name" >&3
    echo "=== $phase $name"
    started=$(cut -d ' ' -f 1 /proc/uptime)
    # Live on the console, so that the last lines of a hung guest name the test.
    : >"$log"
    tail -f "$log" &
    tail_pid=$!
    if [ "$kind" = gtest ]; then
        env "$@" VM_PHASE="$phase" timeout -s KILL "$seconds" "$file" --gtest_output="xml:$results/$id.xml" \
            ${VM_FILTER:+--gtest_filter="$VM_FILTER"} >"$log" 2>&1
    else
        env "$@" VM_PHASE="$phase" VM_TAP="$results/$id.tap" timeout -s KILL "$seconds" /bin/dash "$file" >"$log" 2>&1
    fi
    code=$?
    kill "$tail_pid"
    send "$id.xml" "$results/$id.xml"
    send "$id.tap" "$results/$id.tap"
    send "$id.notes" "$results/$id.notes"
    send "$id.json" "$results/$id.json"
    if [ "$code" -ne 0 ]; then
        tail -n 60 "$log" >"$log.tail"
        send "$id.log" "$log.tail"
    fi
    printf '@@status %s %s %s %s\n' "$phase" "$name" "$code" \
        "$(awk -v from="$started" '{ printf "%.1f", $1 - from }' /proc/uptime)" >&3
}

# has_module NAME: in this kernel, or built into it.
has_module() { [ -e "/sys/module/$1" ] || modprobe "$1" 2>/dev/null; }

# enter_phase NAME: what a phase adds to the one before it, also where that had no suite; docs/vmtest.md lists them.
enter_phase() {
    if [ "$1" = plain ]; then return 0; fi
    # The modules alone change what the kernel answers to SO_ORIGINAL_DST; a NAT rule makes them look at packets too.
    # From here on the kernel may load what else it is asked for.
    modprobe nf_conntrack && modprobe nf_nat
    echo /vmtest/bb/modprobe >/proc/sys/kernel/modprobe
    unset SHUNT_TEST_INBOUND_CHAIN
    case $1 in
    inbound)
        export SHUNT_TEST_INBOUND_CHAIN=1
        rules=nf_tables
        if has_module iptable_nat && has_module ip6table_nat; then rules=legacy; fi
        printf '@@file inbound.notes\niptables %s\n@@end inbound.notes\n' "$rules" >&3
        ;;
    esac
}

run_phase() {
    grep -q "[ ,]$1[ ,]" /vmtest/suites || return 0
    echo "=== phase $1"
    enter_phase "$1"
    while read -r name kind file phases kernels seconds settings; do
        case ",$kernels," in ,all, | *",$kernel,"*) ;; *) continue ;; esac
        case ",$phases," in *",$1,"*) ;; *) continue ;; esac
        # A kernel that lost its hooks has nothing more to show; lifecycle has said so.
        if grep -qs '^classid hook-lost$' "$results/$1".*.notes; then break; fi
        # shellcheck disable=SC2086 # settings are words
        run_suite "$1" "$name" "$kind" "$file" "$seconds" $settings </dev/null
    done </vmtest/suites
}

kernel=$(sed -n 's/.*vmtest\.kernel=\([^ ]*\).*/\1/p' /proc/cmdline)
printf '@@kernel %s\n' "$(uname -r)" >&3
run_phase plain
# Faults on purpose, by which selftest.sh shows that each is noticed.
case $(cat /proc/cmdline) in
*vmtest.fault=panic*) echo c >/proc/sysrq-trigger ;;
*vmtest.fault=hang*) sleep 1000 ;;
*vmtest.fault=silent*) exit 0 ;;
esac
# What classid and lockdown do stays until the next boot.
for phase in conntrack inbound classid lockdown; do run_phase "$phase"; done
echo '@@done' >&3
