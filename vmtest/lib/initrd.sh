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
    (cd "$folder" && find . -xtype f "$@" -print0 | xargs -0 -r cp -pL --parents -t "$VM_ROOT$folder")
}

# The links of a merged /usr, before any file.
put_skeleton() {
    local name
    mkdir -p "$VM_ROOT"/usr/{bin,sbin,lib,lib64}
    for name in bin sbin lib lib64; do ln -s "usr/$name" "$VM_ROOT/$name"; done
}

# build_root: everything that does not depend on the kernel.
build_root() {
    local tool
    rm -rf "$VM_ROOT"
    put_skeleton
    mkdir -p "$VM_ROOT"/{proc,sys,dev,run,tmp,root,etc,var/log,var/run,var/spool,vmtest/results}
    put_one "$(readlink -f "$(command -v busybox)")"
    ln -sf "$(readlink -f "$(command -v busybox)")" "$VM_ROOT/vmtest/busybox"
    # A real shell, because busybox's own prefers its applets (its ip has no netns) to the programs in PATH.
    for tool in dash setpriv unshare mount ip ss bpftool nft \
        {iptables,ip6tables}{,-{legacy,nft}{,-restore,-save}}; do
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

# chosen_suites: the lines of suites.txt, only the asked ones where --suite was given, and there on the kernels given.
chosen_suites() {
    table "$VM_SUITES_FILE" | awk -v only="$VM_SUITES" '
        BEGIN { for (n = split(only, asked, " "); n > 0; n--) { split(asked[n], parts, "@"); on[parts[1]] = parts[2] ? parts[2] : "-" } }
        only != "" && !($1 in on) { next }
        only != "" && on[$1] != "-" { $5 = on[$1] }
        { print }'
}

# suites_of KERNEL: those of chosen_suites that run there.
suites_of() { chosen_suites | awk -v kernel="$1" '$5 == "all" || index("," $5 ",", "," kernel ",")'; }

# runs_peers KERNEL: the proxies go only into the guests that run them, by what a suite runs, not by its name. They are
# four fifths of an initrd, which the guest unpacks with an emulated processor. Of the whole more than one suite needs them, or Python.
runs_peers() { [ "$VM_WHOLE" = yes ] || suites_of "$1" | awk '$3 ~ /\/peers_test$/ { found = 1 } END { exit !found }'; }

# put_payload: the executables of suites.txt, the shunt binary, the BPF object, data files of the tests.
put_payload() {
    local kernels name kind path phases seconds settings file
    : >"$VM_ROOT/vmtest/suites"
    while read -r name kind path phases kernels seconds settings; do
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
        printf '%s\n' "$name $kind $file $phases $kernels $seconds $settings" >>"$VM_ROOT/vmtest/suites"
    done < <(chosen_suites)
    for file in shunt tests/vmtest/verify tests/integration/libcrash_shim.so; do
        if [ -x "$VM_BUILD/$file" ]; then put_test "$VM_BUILD/$file"; fi
    done
    for file in "$VM_BUILD"/bpf/*.linked.o "$VM_BUILD"/tests/vmtest/clang19/*.linked.o; do if [ -e "$file" ]; then put_one "$file"; fi; done
    # Files that take the place of those of the build folder: a shunt with an error on purpose (traps.sh).
    if [ -n "${VMTEST_OVERLAY:-}" ]; then cp -r "$VMTEST_OVERLAY/." "$VM_ROOT$VM_BUILD/"; fi
    if [ "$VM_WHOLE" = yes ]; then put_rest; fi
    put_tree "$VM_BUILD/tests/integration/earlier"
    put_tree "$VM_SRC/../tests" ! -name '*.cpp' ! -name '*.h' ! -name CMakeLists.txt
    put_tree "$VM_SRC/../examples"
    printf '%s\n' "export VM_GUEST=1 SHUNT_BUILD=$VM_BUILD SHUNT_SOURCE=${VM_SRC%/*}" "export VM_FILTER='${VM_FILTER//\'/}'" >"$VM_ROOT/vmtest/env"
}

# put_rest: what only the whole of the tests needs: the second builds, tools of the recipes, files of the unit.
put_rest() {
    local file
    for file in other_layout/shunt_other_layout other_code/shunt_other_code under_filter; do put_test "$VM_BUILD/tests/integration/$file"; done
    for file in bash curl jq pkill promtool {iptables,ip6tables}-save; do
        command -v "$file" >/dev/null || die 1 "$file is not installed; run: scripts/install-deps.sh"
        put "$(command -v "$file")"
    done
    put_tree "$VM_SRC/../docs" -name '*.md'
    put_tree "$VM_SRC/../packaging"
    put_tree "$VM_SRC/.." -maxdepth 1 -name README.md
}

pack() { (cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 >"$1.cpio"); }

# pack_root KERNEL...: what all guests get, and what those get that run proxies.
pack_root() {
    local name
    pack "$VM_ROOT"
    rm -rf "$VM_DIR/peers" "$VM_DIR/peers.cpio"
    for name in "$@"; do
        if runs_peers "$name"; then
            pack_peers
            break
        fi
    done
}

pack_peers() {
    local VM_ROOT=$VM_DIR/peers # put_*() put things there
    put_skeleton
    put_peers
    pack "$VM_ROOT"
}

# pack_initrd KERNEL FILE: one cpio after the other is one file system.
pack_initrd() {
    local parts=("$VM_DIR/root.cpio")
    if runs_peers "$1"; then parts+=("$VM_DIR/peers.cpio"); fi
    cat "${parts[@]}" "$VM_CACHE/$1/modules.cpio" >"$2"
}
