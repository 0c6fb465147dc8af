#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh SOURCE CMAKE PRESET: configures and builds a preset.
set -euo pipefail
cd "$1"
"$2" --preset "$3" </dev/null
"$2" --build --preset "$3" </dev/null
