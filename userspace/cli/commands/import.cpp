// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iterator>

#include "base/accounts.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/loader.h"
#include "config/source.h"
#include "importer/istio_annotations.h"
#include "importer/istio_convert.h"
#include "importer/istio_flags.h"
#include "importer/write_mesh.h"

namespace shunt::cli {
namespace {

using base::ExitCode;
using importer::Imported;

const std::vector<std::string> kKinds{"istio-iptables", "istio-annotations"};

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

base::Result<ExitCode> print(Context& context, const Options& options, const Imported& imported) {
    const std::string heading = "Made by 'shunt import " + options.kind + "'; docs/config.md explains the keys.";
    const std::string text = importer::write_yaml(imported.mesh, imported.origins, heading);
    // What was given to this command can still be wrong together: a cgroup inside another, an address of a wrong kind.
    const auto loaded = config::load_text(text, "imported");
    if (!loaded) return base::fail(loaded.error().message, ExitCode::kUsage);
    for (const auto& remark : imported.remarks)
        spdlog::log(remark.differs ? spdlog::level::warn : spdlog::level::info, "{}", remark.text);
    for (const auto& warning : loaded->warnings) spdlog::warn("{}", warning);
    context.out.text(text);
    return ExitCode::kOk;
}

base::Result<Imported> gather(Context& context, const Options& options) {
    const auto where = surroundings(options);
    if (!where) return tl::unexpected<base::Error>(where.error());
    if (options.kind == "istio-iptables") return from_flags(context, options, *where);
    const bool annotations = options.kind == "istio-annotations";
    if (annotations && !context.tail.empty())
        return base::fail("import: only istio-iptables takes words after --", ExitCode::kUsage);
    if (annotations) return from_annotations(context, options, *where);
    return base::fail("import: " + base::quoted(options.kind) + " is no source" +
                          base::did_you_mean(options.kind, {kKinds.begin(), kKinds.end()}) +
                          "; expected istio-iptables or istio-annotations",
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
    app.add_option("SOURCE", options->kind, "istio-iptables or istio-annotations")->required();
    app.add_option("FILE", options->source, "istio-annotations: a pod as YAML or JSON, or - for stdin");
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
        "traffic.sidecar.istio.io/; what is not annotated has Istio's defaults.",
        {{"shunt import istio-iptables --cgroup /mesh -- -p 15001 -u 1337 -i '*' -o 22 >shunt.yaml", "from flags"},
         {"kubectl get pod reviews-v1 -o yaml | shunt import istio-annotations -", "from a pod's annotations"}},
        false,
        "[FLAG...]",
        define,
        kKinds};
}

}  // namespace shunt::cli
