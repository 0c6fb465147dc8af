// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

#include "shunt_revision.h"  // written at build time by cmake/Revision.cmake

namespace shunt::base {

const BuildInfo& build_info() {
    static const BuildInfo info{SHUNT_VERSION, SHUNT_REVISION, SHUNT_LIBBPF_VERSION, SHUNT_COMPILER};
    return info;
}

}  // namespace shunt::base
