#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build_mutants.sh BUILD    builds the programs with one error each. The tests run as root; what is built has to belong
# to whoever owns the build folder, or that person could not build there any more.
set -euo pipefail

build=$1
owner=$(stat -c %u "$build")
as_owner=()
if ((EUID == 0 && owner != 0)); then
    as_owner=(setpriv "--reuid=$owner" "--regid=$(stat -c %g "$build")" --clear-groups env CCACHE_DISABLE=1)
fi
exec "${as_owner[@]}" cmake --build "$build" --target parity_mutants
