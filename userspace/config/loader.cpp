// SPDX-License-Identifier: Apache-2.0
#include "config/loader.h"

#include "config/sections.h"
#include "config/source.h"

namespace shunt::config {
namespace {

void read_mesh(Problems& problems, const Node& root, model::Mesh& mesh, Notes& notes) {
    const MapReader map(problems, {&root, ""}, kRootKeys);
    if (!map.ok()) return;
    if (const auto proxy = map.get("proxy")) {
        read_proxy(problems, *proxy, mesh.proxy, notes);
    } else {
        problems.error(map.place("proxy.listen"), "missing; expected address:port of the proxy, such as 0.0.0.0:15001");
        notes.listen_readable = false;
    }
    const auto scopes = map.get("scopes");
    const auto of = scopes ? CaptureOf::kConfigurationWithScopes : CaptureOf::kConfiguration;
    if (const auto capture = map.get("capture"))
        read_capture(problems, *capture, mesh.capture, notes, of);
    else if (!scopes)
        problems.error(map.place("capture.cgroups"), "missing; expected a list of cgroups, such as [/mesh]");
    if (const auto policy = map.get("outboundTrafficPolicy")) read_policy(problems, *policy, mesh.policy);
    read_on_internal_error(problems, map.get("onInternalError"), mesh.on_internal_error);
    if (const auto listeners = map.get("listeners")) read_listeners(problems, *listeners, mesh.listeners, notes);
    if (const auto routes = map.get("routes")) {
        notes.routes_readable = routes->node->kind == Node::Kind::kList;
        read_routes(problems, *routes, mesh.routes);
    }
    if (const auto clusters = map.get("clusters")) {
        notes.clusters_readable = clusters->node->kind == Node::Kind::kList;
        read_clusters(problems, *clusters, mesh.clusters);
    }
    if (const auto metrics = map.get("metrics")) read_metrics(problems, *metrics, mesh.metrics);
    read_follow(problems, map, mesh);
    check_ranges(problems, mesh.capture, notes);
    check_ports(problems, mesh.capture);
    check_cgroups(problems, mesh.capture);
    check_scope(problems, model::settings_of(mesh, nullptr), mesh.capture.cgroups, notes, true, map.place());
    check_references(problems, mesh, mesh.listeners, notes);
    check_routes(problems, mesh, notes);
    if (scopes) read_scopes(problems, *scopes, mesh, notes);
    check_policy(problems, mesh);
}

base::Result<Loaded> refused(const Problems& problems) {
    std::string message;
    for (const auto& line : problems.errors()) message += (message.empty() ? "" : "\n") + line;
    return base::fail(std::move(message), base::ExitCode::kConfigInvalid);
}

}  // namespace

model::Mesh default_mesh() {
    model::Mesh mesh;
    set_capture_defaults(mesh.capture, "capture");
    mesh.policy.place.path = "outboundTrafficPolicy";
    return mesh;
}

void read_on_internal_error(Problems& problems, const std::optional<Value>& value, model::OnInternalError& out) {
    using model::OnInternalError;
    read_choice<OnInternalError>(problems, value,
                                 {{"refuse", OnInternalError::kRefuse}, {"bypass", OnInternalError::kBypass}}, out);
}

void read_policy(Problems& problems, const Value& value, model::OutboundTrafficPolicy& policy) {
    using model::EmptyCluster;
    using model::EnforcedBy;
    using model::PolicyMode;
    const MapReader map(problems, value, kPolicyKeys);
    policy.place = value.place();
    read_choice<PolicyMode>(problems, map.get("mode"),
                            {{"ALLOW_ANY", PolicyMode::kAllowAny}, {"REGISTRY_ONLY", PolicyMode::kRegistryOnly}},
                            policy.mode);
    read_choice<EnforcedBy>(problems, map.get("enforcedBy"),
                            {{"proxy", EnforcedBy::kProxy}, {"kernel", EnforcedBy::kKernel}}, policy.enforced_by);
    read_choice<EmptyCluster>(problems, map.get("emptyCluster"),
                              {{"proxy", EmptyCluster::kProxy}, {"refuse", EmptyCluster::kRefuse}},
                              policy.empty_cluster);
}

base::Result<Loaded> load_text(const std::string& text, const std::string& file_name) {
    Problems problems(file_name);
    check_source(without_bom(text), problems);
    if (problems.has_errors()) return refused(problems);
    const auto root = parse_document(std::string(without_bom(text)), problems);
    if (!root) return refused(problems);
    Loaded loaded;
    loaded.mesh = default_mesh();
    loaded.mesh.file = file_name;
    Notes notes;
    read_mesh(problems, *root, loaded.mesh, notes);
    if (problems.has_errors()) return refused(problems);
    loaded.warnings = problems.warnings();
    return loaded;
}

base::Result<Loaded> load_file(const std::string& path, Writers writers) {
    const auto text = read_source(path, writers);
    if (!text) return tl::unexpected<base::Error>(text.error());
    return load_text(*text, path);
}

}  // namespace shunt::config
