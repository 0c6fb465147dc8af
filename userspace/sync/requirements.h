// SPDX-License-Identifier: Apache-2.0
// What a configuration needs of the kernel. Plain values in, a message out.
#pragma once

#include "base/result.h"
#include "kernel/features.h"
#include "model/mesh.h"

namespace shunt::sync {

// kFeatureMissing, with the feature's name, where the kernel lacks something that this configuration cannot do without.
base::Status check_features(const kernel::Features& features, const model::Mesh& mesh);

}  // namespace shunt::sync
