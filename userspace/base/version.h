// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shunt::base {

struct BuildInfo {
    std::string version;   // 0.1.0
    std::string revision;  // git describe of the source tree; empty where it was built outside git
    std::string libbpf;    // the one it was linked with
    std::string compiler;
};

const BuildInfo& build_info();

}  // namespace shunt::base
