# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# From a name of kernels.txt to a kernel and its modules, in a cache: $VM_CACHE/NAME/{vmlinuz,modules.cpio,info}.
# Packages are fetched with an apt of our own (sources, state and cache below $VM_DIR) and unpacked, never installed.

kernel_names() { table "$VM_SRC/kernels.txt" | awk '{ print $1 }'; }
kernel_field() { table "$VM_SRC/kernels.txt" | awk -v name="$1" -v n="$2" '$1 == name { print $n }'; }
kernel_known() { kernel_names | grep -qxF -- "$1"; }
kernel_info() { [ ! -e "$VM_CACHE/$1/info" ] || sed -n "s/^$2=//p" "$VM_CACHE/$1/info"; }

# mirror_for SUITE: the mirror that this machine already uses. Only a machine without Debian sources needs the variables.
mirror_for() {
    local suite=$1 uris main security
    # shellcheck disable=SC2016 # apt's own variables
    uris=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sort -u)
    main=${VMTEST_MIRROR:-$(awk '$1 !~ /security/ && $2 ~ /\/debian\/?$/ { print $2; exit }' <<<"$uris")}
    security=${VMTEST_SECURITY_MIRROR:-$(awk '$1 ~ /-security$/ && $2 ~ /debian-security\/?$/ { print $2; exit }' <<<"$uris")}
    if [ -z "$security" ] && [ -n "$main" ]; then security=${main%/}-security; fi
    case $suite in *-security) main=$security ;; esac
    [ -n "$main" ] || return 1
    printf '%s\n' "$main"
}

# private_apt SUITE COMMAND ARGS: apt that knows this suite and nothing of the machine's own packages.
private_apt() {
    local dir=$VM_DIR/apt/$1 command=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
    shift 2
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    : >"$dir/status"
    if [ -e "$keyring" ]; then signed="[signed-by=$keyring] "; fi
    printf 'deb %s%s %s main\n' "$signed" "$(mirror_for "${dir##*/}")" "${dir##*/}" >"$dir/sources.list"
    # Old suites keep a Release file whose Valid-Until has passed; the signature is still checked.
    "$command" -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
        -o APT::Architecture=amd64 -o APT::Sandbox::User=root -o Acquire::Languages=none \
        -o Acquire::Check-Valid-Until=false -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"
}

# packages_of SUITE IMAGE: the image and, on new kernels, the packages of the same release that hold its parts.
packages_of() {
    local suite=$1 image=$2 release=${2#linux-image-}
    printf '%s\n' "$image"
    private_apt "$suite" apt-cache show "$image" | sed -n 's/^Depends: //p' | head -n 1 | tr -s ',|' '\n' |
        awk -v release="$release" '$1 == "linux-binary-" release || $1 == "linux-modules-" release { print $1 }'
}

# newest_package SUITE PATTERN -> "PACKAGE VERSION"
newest_package() {
    private_apt "$1" apt-cache dumpavail |
        awk -v pattern="^($2)\$" '/^Package: / { package = $2 } /^Version: / && package ~ pattern { print package, $2 }' |
        sort -k 2,2V | tail -n 1
}

# resolve_kernel NAME: makes the cache hold the newest package; leaves it as it is when young enough or out of reach.
resolve_kernel() {
    local name=$1 suite pattern newest why
    suite=$(kernel_field "$name" 2)
    pattern=$(kernel_field "$name" 3)
    if [ -e "$VM_CACHE/$name/info" ] && [ "$VM_UPDATE" = no ] &&
        [ -n "$(find "$VM_CACHE/$name/info" -mtime "-$VM_CACHE_DAYS")" ]; then
        return 0
    fi
    mkdir -p "$VM_DIR/apt"
    why=
    if ! mirror_for "$suite" >/dev/null; then
        why="no Debian mirror is configured on this machine (set VMTEST_MIRROR and VMTEST_SECURITY_MIRROR)"
    elif ! private_apt "$suite" apt-get update -o APT::Update::Error-Mode=any >"$VM_DIR/apt/$suite.log" 2>&1; then
        why="the package list of suite $suite could not be fetched ($VM_DIR/apt/$suite.log)"
    else
        newest=$(newest_package "$suite" "$pattern")
        if [ -z "$newest" ]; then why="suite $suite was searched and has no package that matches $pattern"; fi
    fi
    if [ -z "$why" ] && [ "$newest" = "$(kernel_info "$name" package) $(kernel_info "$name" version)" ]; then
        touch "$VM_CACHE/$name/info"
        return 0
    fi
    # shellcheck disable=SC2086 # newest is two words on purpose
    if [ -z "$why" ] && ! fetch_kernel "$name" "$suite" $newest; then why="package $newest of suite $suite could not be fetched or unpacked"; fi
    [ -n "$why" ] || return 0
    if [ -e "$VM_CACHE/$name/info" ]; then
        say "kernel $name: $why; using the cached $(kernel_info "$name" package) $(kernel_info "$name" version)"
        return 0
    fi
    die 1 "kernel $name: $why, and nothing is cached"
}

# fetch_kernel NAME SUITE PACKAGE VERSION
fetch_kernel() {
    local name=$1 suite=$2 package=$3 version=$4 packages bytes dir
    mapfile -t packages < <(packages_of "$suite" "$package")
    bytes=$(private_apt "$suite" apt-cache show --no-all-versions "${packages[@]}" | awk '/^Size: / { sum += $2 } END { print sum }')
    # Unpacked modules are up to five times their package, and stay there only until the wanted ones are picked.
    need_space $((bytes * 7 / 1048576 + 100)) "kernel $name ($package)"
    say "kernel $name: fetching ${packages[*]} $version from $suite, $((bytes / 1048576)) MiB"
    dir=$(mktemp -d "$VM_DIR/fetch.XXXXXX")
    (cd "$dir" && private_apt "$suite" apt-get download "${packages[@]}" >"$VM_DIR/apt/$suite.log" 2>&1) &&
        for deb in "$dir"/*.deb; do dpkg-deb -x "$deb" "$dir/root" || return 1; done &&
        prepare_kernel "$name" "$dir" "${package#linux-image-}" &&
        printf '%s\n' "package=$package" "version=$version" "suite=$suite" "release=${package#linux-image-}" >"$dir/out/info" &&
        rm -rf "${VM_CACHE:?}/$name" && mkdir -p "$VM_CACHE" && mv "$dir/out" "$VM_CACHE/$name"
    local result=$?
    rm -rf "$dir"
    return $result
}

# prepare_kernel NAME DIR RELEASE: DIR/root (unpacked packages) -> DIR/out/{vmlinuz,modules.cpio}
prepare_kernel() {
    local dir=$2 release=$3 all=$2/root/lib/modules/$3 out=$2/out pick=$2/pick
    mkdir -p "$out" "$pick/usr/lib/modules/$release" "$dir/root/lib/modules"
    if [ -d "$dir/root/usr/lib/modules/$release" ]; then mv "$dir/root/usr/lib/modules/$release" "$all"; fi
    cp "$(find "$dir/root" -name 'vmlinuz*' -type f | head -n 1)" "$out/vmlinuz" || return 1
    # The old busybox loader of the guest and depmod both want plain .ko files.
    find "$all" -name '*.ko.xz' -print0 | xargs -0 -r -n 50 -P 2 xz -d || return 1
    busybox depmod -b "$dir/root" "$release" || return 1
    table "$VM_SRC/modules.txt" | tr -s ' ' '\n' >"$dir/wanted"
    awk 'function add(path,   n, i, parts) {
             if (path in done) return
             done[path] = 1
             print path
             n = split(needs[path], parts, " ")
             for (i = 1; i <= n; i++) add(parts[i])
         }
         FNR == NR { wanted[$1] = 1; next }
         { path = $1; sub(/:$/, "", path); sub(/^[^:]*:/, ""); needs[path] = $0
           name = path; sub(/.*\//, "", name); sub(/\.ko$/, "", name); gsub(/-/, "_", name)
           if (name in wanted) first[path] = 1 }
         END { for (path in first) add(path) }' "$dir/wanted" "$all/modules.dep" >"$dir/picked"
    [ -s "$dir/picked" ] || return 1
    (cd "$all" && xargs -r cp --parents -t "$pick/usr/lib/modules/$release" <"$dir/picked")
    ln -s usr/lib "$pick/lib"
    busybox depmod -b "$pick" "$release" || return 1
    rm "$pick/lib"
    (cd "$pick" && find . | cpio --quiet -o -H newc -R 0:0 >"$out/modules.cpio")
}
