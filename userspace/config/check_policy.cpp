// SPDX-License-Identifier: Apache-2.0
// Policy against listeners: with REGISTRY_ONLY in the kernel, only what a listener claims may leave.
#include <algorithm>

#include "config/sections.h"

namespace shunt::config {
namespace {

void judge(Problems& problems, const model::Settings& settings, const model::Place& place) {
    const auto& policy = settings.policy;
    if (policy.mode != model::PolicyMode::kRegistryOnly || policy.enforced_by != model::EnforcedBy::kKernel) return;
    if (!settings.listeners.empty()) return;
    problems.warning(
        place,
        "REGISTRY_ONLY without listeners, so that the kernel refuses everything that is captured; expected "
        "listeners, or enforcedBy: proxy");
}

}  // namespace

void check_policy(Problems& problems, const model::Mesh& mesh) {
    if (mesh.source) return;  // Envoy has the listeners
    // What a scope inherits whole is judged once, where it stands.
    const auto inherits = [](const model::Scope& scope) { return !scope.policy && !scope.listeners; };
    if (!mesh.capture.cgroups.empty() || std::any_of(mesh.scopes.begin(), mesh.scopes.end(), inherits))
        judge(problems, model::settings_of(mesh, nullptr), mesh.policy.place);
    for (const auto& scope : mesh.scopes)
        if (!inherits(scope))
            judge(problems, model::settings_of(mesh, &scope), scope.policy ? scope.policy->place : scope.place);
}

}  // namespace shunt::config
