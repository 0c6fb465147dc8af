#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh SOURCE CMAKE: configures and builds the preset asan.
set -euo pipefail
cd "$1"
"$2" --preset asan </dev/null
"$2" --build --preset asan </dev/null
