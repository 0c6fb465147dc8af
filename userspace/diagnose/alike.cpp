// SPDX-License-Identifier: Apache-2.0
#include "diagnose/alike.h"

namespace shunt::diagnose {

void Alike::add(const Finding& finding, const std::string& kind, const std::string& wider) {
    const bool known = kinds_.contains(kind);
    auto& seen = kinds_[known || kinds_.size() < kKinds ? kind : wider];
    if (++seen.count <= kTold) out_.push_back(finding);
    seen.last = finding;
}

Alike::~Alike() {
    for (const auto& [kind, seen] : kinds_) {
        if (seen.count <= kTold) continue;
        out_.push_back({seen.last.check, seen.last.state,
                        kind + ", in " + std::to_string(seen.count - kTold) + " more network namespace(s)",
                        seen.last.remedy});
    }
}

}  // namespace shunt::diagnose
