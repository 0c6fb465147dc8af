#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# selftest.sh BUILD: each planted error turns suite.sh red, also where the test itself passes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for error in overflow undefined leak overflow-unseen undefined-unseen leak-unseen; do
    if out=$("$here/suite.sh" "$1" -R "^planted.$error\$" 2>&1) || ! grep -q '^sanitizer reports: ' <<<"$out"; then
        printf 'planted.%s was not noticed:\n%s\n' "$error" "$out" >&2
        exit 1
    fi
    echo "planted.$error: noticed"
done
"$here/suite.sh" "$1" -R '^planted.nothing$'
