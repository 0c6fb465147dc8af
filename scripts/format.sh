#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats the C++ of userspace/ and tests/ in place (lint.format checks it). bpf/ and include/ are C and left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
git ls-files -z --cached --others --exclude-standard -- 'userspace/*.cpp' 'userspace/*.h' 'tests/*.cpp' 'tests/*.h' |
    xargs -0 -r clang-format-14 -i
