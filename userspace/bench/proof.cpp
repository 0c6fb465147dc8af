// SPDX-License-Identifier: Apache-2.0
#include "bench/proof.h"

#include <fmt/format.h>

namespace shunt::bench {

base::Status check(const std::vector<ArmProof>& proofs) {
    std::string problems;
    for (const auto& proof : proofs) {
        std::string what;
        if (proof.connections == 0) what = "no connections were made";
        if (proof.hits && *proof.hits != proof.connections)
            what = fmt::format("{} connections, but the redirection counted {}", proof.connections, *proof.hits);
        if (proof.seen != proof.connections)
            what = fmt::format("{} connections, but the proxy accepted {}", proof.connections, proof.seen);
        if (proof.right != proof.seen)
            what = fmt::format("{} of {} original destinations are wrong, the first: {}", proof.seen - proof.right,
                               proof.seen, proof.first_wrong);
        if (!what.empty()) problems += (problems.empty() ? "" : "\n") + ("proof failed: " + proof.arm + ": " + what);
    }
    if (!problems.empty()) return base::fail(problems);
    return {};
}

}  // namespace shunt::bench
