// SPDX-License-Identifier: Apache-2.0
// A configuration as the YAML text that config::load_text reads back as the same model.
#pragma once

#include <string>

#include "importer/imported.h"

namespace shunt::importer {

// `heading` becomes comment lines at the top. Names must be valid UTF-8.
std::string write_yaml(const model::Mesh& mesh, const Origins& origins, const std::string& heading);

// A scalar of YAML: plain where no reader could take it for something else, in double quotes otherwise.
std::string yaml_scalar(const std::string& text);

}  // namespace shunt::importer
