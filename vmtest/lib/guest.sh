# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One guest: TCG (stock kernels do not boot under nested KVM), console on ttyS0, results on ttyS1.

# qemu_args NAME OUT: one argument per line. oops=panic: a kernel that oopses must not go on as if nothing had happened.
# Without erms and fsrm the kernel copies by eight bytes; the emulator takes "rep movsb" byte by byte (a tenth of a guest's time).
# Without la57 its page tables have a level less.
qemu_args() {
    printf '%s\n' -accel tcg,thread=multi -cpu "${VM_CPU:-max,-erms,-fsrm,-la57}" -smp 1 -m "$VM_MEMORY" -no-reboot -nodefaults -display none -net none \
        -kernel "$VM_CACHE/$1/vmlinuz" -initrd "$2/initrd"
}

# no_timer_check: on a busy machine the emulated timer is late, and the kernel panics over it while it boots.
VM_CMDLINE='console=ttyS0 no_timer_check panic=-1 oops=panic random.trust_cpu=on net.ifnames=0 quiet loglevel=4'${VM_EXTRA:+" $VM_EXTRA"}

# stamp PIDFILE: what the guest sends, with QEMU's CPU time so far behind each line that begins or ends a suite: a guest's
# own clock also counts the time in which this machine did something else.
stamp() {
    local line fields pid=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '@@kernel '* | '@@suite '* | '@@status '*)
            if [ -z "$pid" ]; then pid=$(<"$1"); fi
            read -ra fields <"/proc/$pid/stat"
            line="${line%$'\r'} cpu=$((fields[13] + fields[14]))"
            ;;
        esac
        printf '%s\n' "$line"
    done
}

# run_guest NAME: writes $VM_RESULTS/NAME/{console.log,results.log,seconds,cpu,state}. Never fails itself: state says what happened.
run_guest() {
    local name=$1 out=$VM_RESULTS/$1 args started=$EPOCHREALTIME result=0 state=ok
    rm -rf "$out"
    mkdir -p "$out"
    pack_initrd "$name" "$out/initrd"
    mapfile -t args < <(qemu_args "$name" "$out")
    # shellcheck disable=SC2054 # QEMU's own commas
    args+=(-serial "file:$out/console.log" -chardev stdio,id=results -serial chardev:results -pidfile "$out/pid" -append "$VM_CMDLINE vmtest.mode=run vmtest.kernel=$name${VM_FAULT:+ vmtest.fault=$VM_FAULT}")
    printf '%q ' qemu-system-x86_64 "${args[@]}" >"$out/command"
    TIMEFORMAT='%U %S'
    # shellcheck disable=SC2094 # QEMU makes the file before it sends a line
    { time timeout -k 5 "$VM_TIMEOUT" qemu-system-x86_64 "${args[@]}" </dev/null 2>"$out/qemu.log" | stamp "$out/pid" >"$out/results.log"; } 2>"$out/cpu" || result=$?
    if [ "$VM_KEEP" = no ]; then rm -f "$out/initrd"; fi
    if [ "$result" -eq 124 ] || [ "$result" -eq 137 ]; then
        state="hung: no end after $VM_TIMEOUT s"
    elif [ "$result" -ne 0 ]; then
        state="qemu ended with $result: $(head -c 300 "$out/qemu.log")"
    elif grep -aq 'Kernel panic' "$out/console.log"; then
        state="panicked: $(grep -a -m 1 'Kernel panic' "$out/console.log" | tr -d '\r')"
    elif ! grep -aqx '@@done' <(tr -d '\r' <"$out/results.log"); then
        state="lost its final line"
    fi
    printf '%s\n' "$state" >"$out/state"
    awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", to - from }' >"$out/seconds"
    say "kernel $name ($(kernel_info "$name" release)): $state, $(cat "$out/seconds") s, $(awk '{ printf "%.0f", $1 + $2 }' "$out/cpu") s of CPU"
    if [ "$state" != ok ]; then
        say "kernel $name: last lines of $out/console.log:"
        tail -n 25 "$out/console.log" | tr -d '\r' | sed "s/^/    $name| /" >&2
    fi
}

# shell_guest NAME: the same guest with a shell on this terminal; `exit` or Ctrl-A X ends it.
shell_guest() {
    local name=$1 out=$VM_RESULTS/shell-$1 args
    mkdir -p "$out"
    pack_initrd "$name" "$out/initrd"
    mapfile -t args < <(qemu_args "$name" "$out")
    say "kernel $name ($(kernel_info "$name" release)): a shell; tests are listed in /vmtest/suites, leave with exit or Ctrl-A X"
    qemu-system-x86_64 "${args[@]}" -serial mon:stdio -serial "file:$out/results.log" -append "$VM_CMDLINE vmtest.mode=shell"
    rm -rf "$out"
}
