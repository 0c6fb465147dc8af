// SPDX-License-Identifier: Apache-2.0
#include "sync/requirements.h"

#include "sync/plan.h"

namespace shunt::sync {

base::Status check_features(const kernel::Features& features, const model::Mesh& mesh) {
    const auto missing = [](const std::string& feature) {
        return base::fail("this kernel lacks " + feature, base::ExitCode::kFeatureMissing);
    };
    if (!features.links) return missing("BPF links on cgroups");
    if (needs_record_lane(mesh) && !features.sockops_cookie && !features.btf)
        return missing(
            "both network namespace cookies in sockops and BTF; the record lane (IPv6, lane: record, a proxy "
            "that does not listen on 0.0.0.0) needs one of them");
    return {};
}

}  // namespace shunt::sync
