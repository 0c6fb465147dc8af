# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One uncompressed cpio holds all a guest needs: cloud kernels have no 9p and no virtiofs. Paths are those of this
# machine, so that paths compiled into the tests hold inside the guest too.

# put FILE...: the file at its own path below $VM_ROOT, with the libraries it asks for. Links are followed: a chain of
# links into folders that are not there would break in the guest.
put() {
    local file lib
    for file in "$@"; do
        put_one "$file"
        while read -r lib; do put_one "$lib"; done < <(ldd "$file" 2>/dev/null | awk '/=> \// { print $3 } $1 ~ /^\// { print $1 }')
    done
}

put_one() {
    local to=$VM_ROOT$1
    if [ -e "$to" ]; then return 0; fi
    mkdir -p "${to%/*}"
    cp -L "$1" "$to"
}

# put_test EXECUTABLE: without its debugging sections, which are nine tenths of it and would have to fit into memory.
put_test() {
    put "$1"
    objcopy --strip-debug "$1" "$VM_ROOT$1"
}

# put_tree FOLDER FIND-ARGS...: data files at their own path, with their times: Python compiles what looks newer than its cache.
put_tree() {
    local folder=$1
    shift
    if [ ! -d "$folder" ]; then return 0; fi
    mkdir -p "$VM_ROOT$folder"
    (cd "$folder" && find . -type f "$@" -print0 | xargs -0 -r cp -pL --parents -t "$VM_ROOT$folder")
}

# build_root: everything that does not depend on the kernel.
build_root() {
    local tool
    rm -rf "$VM_ROOT"
    mkdir -p "$VM_ROOT"/{usr/bin,usr/sbin,usr/lib,usr/lib64,proc,sys,dev,run,tmp,root,etc,var/log,var/run,var/spool,vmtest/results}
    for tool in bin sbin lib lib64; do ln -s "usr/$tool" "$VM_ROOT/$tool"; done
    put_one "$(readlink -f "$(command -v busybox)")"
    ln -sf "$(readlink -f "$(command -v busybox)")" "$VM_ROOT/vmtest/busybox"
    # A real shell, because busybox's own prefers its applets (its ip has no netns) to the programs in PATH.
    for tool in dash setpriv unshare mount ip ss bpftool iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft nft; do
        if command -v "$tool" >/dev/null; then put "$(command -v "$tool")"; fi
    done
    ln -sf dash "$VM_ROOT/bin/sh"
    put_tree "$(dirname "$(find /usr/lib -name libxt_owner.so | head -n 1)")" -name '*.so'
    for tool in /lib/*/libnss_files.so.2 /lib/*/libnss_dns.so.2; do if [ -e "$tool" ]; then put "$tool"; fi; done
    cp "$VM_SRC"/guest/* "$VM_ROOT/vmtest/"
    mv "$VM_ROOT/vmtest/init" "$VM_ROOT/init"
    for tool in passwd group protocols services nsswitch.conf; do
        if [ -e "/etc/$tool" ]; then cp "/etc/$tool" "$VM_ROOT/etc/"; fi
    done
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$VM_ROOT/etc/hosts"
    put_payload
}

# chosen_suites: the lines of suites.txt, only the asked ones where --suite was given.
chosen_suites() {
    table "$VM_SUITES_FILE" | awk -v only=" $VM_SUITES " 'only == "  " || index(only, " " $1 " ")'
}

# put_payload: the executables of suites.txt, the shunt binary, the BPF object, data files of the tests.
put_payload() {
    local name kind path phases seconds settings file
    : >"$VM_ROOT/vmtest/suites"
    while read -r name kind path phases seconds settings; do
        case $kind in
        gtest)
            file=$VM_BUILD/$path
            [ -x "$file" ] || die 1 "suite $name: $file is not built; run: cmake --build $VM_BUILD"
            put_test "$file"
            ;;
        sh)
            file=/vmtest/$path
            [ -e "$VM_SRC/guest/$path" ] || die 1 "suite $name: vmtest/guest/$path does not exist"
            ;;
        *) die 1 "suites.txt: suite $name: kind '$kind' is neither sh nor gtest" ;;
        esac
        printf '%s\n' "$name $kind $file $phases $seconds $settings" >>"$VM_ROOT/vmtest/suites"
    done < <(chosen_suites)
    # By what a suite runs, not by its name: peers-nat alone needs the proxies too.
    if [ -n "$(chosen_suites | awk '$3 ~ /\/peers_test$/')" ]; then put_peers; fi
    if [ -x "$VM_BUILD/shunt" ]; then put_test "$VM_BUILD/shunt"; fi
    if [ -x "$VM_BUILD/tests/vmtest/verify" ]; then put_test "$VM_BUILD/tests/vmtest/verify"; fi
    for file in "$VM_BUILD"/bpf/*.linked.o; do if [ -e "$file" ]; then put_one "$file"; fi; done
    put_tree "$VM_SRC/../tests" ! -name '*.cpp' ! -name '*.h' ! -name CMakeLists.txt
    put_tree "$VM_SRC/../examples"
    printf '%s\n' "export VM_GUEST=1 SHUNT_BUILD=$VM_BUILD SHUNT_SOURCE=${VM_SRC%/*}" "export VM_FILTER='${VM_FILTER//\'/}'" >"$VM_ROOT/vmtest/env"
}

pack_root() { (cd "$VM_ROOT" && find . | cpio --quiet -o -H newc -R 0:0 >"$VM_DIR/root.cpio"); }
