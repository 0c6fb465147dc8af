// SPDX-License-Identifier: Apache-2.0
// YAML -> model::Mesh. Strict: every key is known, every value is of the shape docs/config.md states.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/source.h"
#include "model/mesh.h"

namespace shunt::config {

struct Loaded {
    model::Mesh mesh;
    std::vector<std::string> warnings;  // "file:line:column: capture.excludeOutboundIPRanges[0]: ..."
};

// Reads the whole file once, then parses. Every problem found is reported, one per line of Error::message, in the form
//   FILE:LINE:COLUMN: KEY.PATH[INDEX]: what is wrong; what was expected
// with ExitCode::kConfigInvalid (kFailure where the file cannot be read at all).
base::Result<Loaded> load_file(const std::string& path, Writers writers = Writers::kAnybody);
base::Result<Loaded> load_text(const std::string& text, const std::string& file_name);

// What keys that are not written mean; proxy.listen and capture.cgroups, which must be written, are missing.
model::Mesh default_mesh();

}  // namespace shunt::config
