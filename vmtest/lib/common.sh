# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Words to stderr, results to stdout; every failure names the object and what to do.

say() { printf '%s\n' "vmtest: $*" >&2; }
die() {
    local code=$1
    shift
    printf '%s\n' "vmtest: error: $*" >&2
    exit "$code"
}

# table FILE: the lines of a .txt table without comments and blank lines.
table() { sed -e 's/#.*$//' -e '/^[[:space:]]*$/d' "$1"; }

# need_tools: all at once, so that one apt-get call is enough.
need_tools() {
    local missing=() tool package
    while read -r tool package; do
        command -v "$tool" >/dev/null || missing+=("$package")
    done <<'LIST'
qemu-system-x86_64 qemu-system-x86
busybox busybox-static
cpio cpio
xz xz-utils
objcopy binutils
dpkg-deb dpkg
apt-get apt
ip iproute2
python3 python3-minimal
LIST
    if [ ${#missing[@]} -gt 0 ]; then
        die 1 "not installed: ${missing[*]}; run: apt-get install ${missing[*]}"
    fi
    if ldd "$(command -v busybox)" >/dev/null 2>&1; then
        die 1 "busybox is dynamically linked, the guest needs a static one; run: apt-get install busybox-static"
    fi
}

# need_space MIB WHAT: said before anything is written or fetched.
need_space() {
    local want=$1 what=$2 free
    free=$(df -Pm "$VM_DIR" | awk 'NR == 2 { print $4 }')
    if [ "$free" -lt "$want" ]; then
        die 1 "$what needs $want MiB in $VM_DIR, $free MiB are free; make room or choose another folder with --build"
    fi
}
