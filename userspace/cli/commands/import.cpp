// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/accounts.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/loader.h"
#include "config/source.h"
#include "importer/envoy.h"
#include "importer/envoy_fetch.h"
#include "importer/istio_annotations.h"
#include "importer/istio_convert.h"
#include "importer/istio_flags.h"
#include "importer/write_mesh.h"

namespace shunt::cli {
namespace {

using base::ExitCode;
using importer::Imported;

const std::vector<std::string> kKinds{"istio-iptables", "istio-annotations", "envoy"};

struct Options {
    std::string kind;
    std::string source;
    std::vector<std::string> cgroups;
    std::string proxy_cgroup;
    std::vector<std::string> client_addresses;
    bool ipv6_only = false;
    bool environment = false;
};

base::Result<importer::Surroundings> surroundings(const Options& options) {
    importer::Surroundings out{options.cgroups, options.proxy_cgroup, {}};
    for (const auto& text : options.client_addresses) {
        const auto address = base::parse_address(text);
        if (!address) return base::fail("--client-address: " + address.error().message, ExitCode::kUsage);
        out.client_addresses.push_back(*address);
    }
    return out;
}

std::optional<std::string> variable(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

base::Result<Imported> from_flags(const Context& context, const Options& options, const importer::Surroundings& where) {
    if (!options.source.empty())
        return base::fail("unexpected argument " + base::quoted(options.source) + "; expected -- FLAG...",
                          ExitCode::kUsage);
    const auto settings =
        importer::read_istio_flags(context.tail, options.environment ? variable : importer::Environment());
    if (!settings) return tl::unexpected<base::Error>(settings.error());
    const auto family = options.ipv6_only ? importer::PodFamily::kV6Only : importer::PodFamily::kV4OrDual;
    return importer::convert_istio(*settings, where, family, {base::find_user, base::find_group});
}

base::Result<std::string> read_input(Context& context, const std::string& source) {
    if (source != "-") return config::read_source(source);
    std::string text;
    char buffer[1 << 16];
    while (text.size() <= config::kMaxBytes && (context.in.read(buffer, sizeof buffer), context.in.gcount() > 0))
        text.append(buffer, static_cast<std::size_t>(context.in.gcount()));
    return text;
}

base::Result<Imported> from_annotations(Context& context, const Options& options, const importer::Surroundings& where) {
    if (options.source.empty())
        return base::fail("the pod's file is missing; expected FILE, or - for stdin", ExitCode::kUsage);
    const auto text = read_input(context, options.source);
    if (!text) return tl::unexpected<base::Error>(text.error());
    const std::string name = options.source == "-" ? "stdin" : options.source;
    auto pod = importer::read_pod(*text, name);
    if (!pod) return tl::unexpected<base::Error>(pod.error());
    const auto family = options.ipv6_only ? importer::PodFamily::kV6Only : pod->family;
    auto imported = importer::convert_istio(pod->settings, where, family, {base::find_user, base::find_group});
    if (!imported) return base::fail(name + ": " + imported.error().message, ExitCode::kConfigInvalid);
    imported->remarks.insert(imported->remarks.begin(), pod->remarks.begin(), pod->remarks.end());
    return imported;
}

base::Result<importer::EnvoyConfig> read_dump(Context& context, const std::string& source) {
    using importer::ByteSource;
    if (source == "-" || importer::is_url(source)) {
        const auto spool =
            source == "-" ? importer::spool_stream(context.in) : importer::fetch_dump(source, importer::FetchLimits{});
        if (!spool) return tl::unexpected<base::Error>(spool.error());
        const std::string name = source == "-" ? "stdin" : source;
        auto bytes = spool->read(name);
        if (!bytes) return tl::unexpected<base::Error>(bytes.error());
        return importer::read_envoy(*bytes, name);
    }
    auto bytes = ByteSource::open_file(source);
    if (!bytes) return tl::unexpected<base::Error>(bytes.error());
    return importer::read_envoy(*bytes, source);
}

base::Result<Imported> from_envoy(Context& context, const Options& options, const importer::Surroundings& where) {
    if (options.source.empty())
        return base::fail("the dump is missing; expected FILE, http://127.0.0.1:15000, or - for stdin",
                          ExitCode::kUsage);
    auto envoy = read_dump(context, options.source);
    if (!envoy) return tl::unexpected<base::Error>(envoy.error());
    return importer::from_envoy(std::move(*envoy), options.source, where);
}

base::Result<ExitCode> print(Context& context, const Options& options, const Imported& imported) {
    const std::string heading = "Made by 'shunt import " + options.kind + "'; docs/config.md explains the keys.";
    // What was given to this command can still be wrong together: a cgroup inside another, an address of a wrong kind.
    // Without listeners, routes and clusters, which refer to each other rightly by construction and may be many.
    model::Mesh given = imported.mesh;
    given.listeners.clear();
    given.routes.clear();
    given.clusters.clear();
    const auto loaded = config::load_text(importer::write_yaml(given, imported.origins, heading), "imported");
    if (!loaded) return base::fail(loaded.error().message, ExitCode::kUsage);
    for (const auto& remark : imported.remarks)
        spdlog::log(remark.differs ? spdlog::level::warn : spdlog::level::info, "{}", remark.text);
    for (const auto& warning : loaded->warnings) spdlog::warn("{}", warning);
    context.out.text(importer::write_yaml(imported.mesh, imported.origins, heading));
    return ExitCode::kOk;
}

base::Result<Imported> gather(Context& context, const Options& options) {
    const auto where = surroundings(options);
    if (!where) return tl::unexpected<base::Error>(where.error());
    if (options.kind == "istio-iptables") return from_flags(context, options, *where);
    const bool known = std::find(kKinds.begin(), kKinds.end(), options.kind) != kKinds.end();
    if (known && !context.tail.empty())
        return base::fail("import: only istio-iptables takes words after --", ExitCode::kUsage);
    if (options.kind == "istio-annotations") return from_annotations(context, options, *where);
    if (options.kind == "envoy") return from_envoy(context, options, *where);
    return base::fail("import: " + base::quoted(options.kind) + " is no source" +
                          base::did_you_mean(options.kind, {kKinds.begin(), kKinds.end()}) +
                          "; expected istio-iptables, istio-annotations or envoy",
                      ExitCode::kUsage);
}

base::Result<ExitCode> import(Context& context, const Options& options) {
    const auto imported = gather(context, options);
    if (!imported) return tl::unexpected<base::Error>(imported.error());
    return print(context, options, *imported);
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    app.add_option("--cgroup", options->cgroups, "Whose connections are captured; may be repeated; default: /mesh")
        ->type_name("CGROUP")
        ->allow_extra_args(false);
    app.add_option("--proxy-cgroup", options->proxy_cgroup, "The proxy's cgroup, besides its users and groups")
        ->type_name("CGROUP");
    app.add_option("--client-address", options->client_addresses,
                   "The workload's address, to be shown to the proxy; may be repeated for the other family")
        ->type_name("ADDR")
        ->allow_extra_args(false);
    app.add_flag("--ipv6-only", options->ipv6_only, "The workload has no IPv4 address but loopback");
    app.add_flag("--environment", options->environment,
                 "istio-iptables: also read its variables from this environment");
    app.add_option("SOURCE", options->kind, "istio-iptables, istio-annotations or envoy")->required();
    app.add_option("FILE", options->source, "A pod, a config_dump or the URL of an admin port; - for stdin");
    return [options](Context& context) { return import(context, *options); };
}

}  // namespace

Command import_command() {
    return {
        "import",
        "Make a configuration from what a mesh has already",
        "Prints a whole configuration on stdout, with comments that say where each value comes from, and on stderr, "
        "setting by setting, what has no meaning here and why. Nothing is changed.\n\n"
        "istio-iptables takes the flags of istio-iptables after --, short or long, and NAME=VALUE for the variables of "
        "its environment; the words \"pilot-agent istio-iptables\" may stand before them, so that the arguments of the "
        "container istio-init can be pasted. Names of users and groups are looked up here. What cannot be had "
        "(forwarded traffic, TPROXY) ends with exit code 2 and the reason.\n\n"
        "istio-annotations takes a pod, or a workload with a pod template, with annotations of "
        "traffic.sidecar.istio.io/; what is not annotated has Istio's defaults.\n\n"
        "envoy takes a config_dump, also compressed by gzip, or the URL of Envoy's admin port, and gives its outbound "
        "listeners, routes, clusters with their endpoints, the address of virtualOutbound and the policy of its "
        "catch-all filter chain. Fields that have no meaning here are ignored; listeners, clusters and routes that are "
        "not understood are named on stderr. A dump that is broken or not whole is refused, exit code 3; an admin port "
        "that does not answer in time is exit code 1.",
        {{"shunt import istio-iptables --cgroup /mesh -- -p 15001 -u 1337 -i '*' -o 22 >shunt.yaml", "from flags"},
         {"kubectl get pod reviews-v1 -o yaml | shunt import istio-annotations -", "from a pod's annotations"}},
        false,
        "[FLAG...]",
        define,
        kKinds};
}

}  // namespace shunt::cli
