// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/pc_json.h"
#include "inspect/filter.h"
#include "sync/plan.h"
#include "sync/readback.h"
#include "telemetry/cgroup_paths.h"

namespace shunt::cli {
namespace {

using base::ExitCode;

constexpr std::array kNouns{"listeners", "routes", "clusters", "endpoints", "all", "diff"};
const std::map<std::string, std::string> kAliases{
    {"listener", "listeners"}, {"l", "listeners"},        {"route", "routes"}, {"r", "routes"}, {"cluster", "clusters"},
    {"c", "clusters"},         {"endpoint", "endpoints"}, {"ep", "endpoints"}, {"a", "all"}};

struct Options {
    std::string what;
    std::string file;
    bool kernel = false;
    inspect::Filter filter;
};

// Which filters a noun takes; `all` takes every one, and each narrows the parts that it applies to.
const std::map<std::string, std::vector<std::string>> kFilters{
    {"listeners", {"--port", "--address", "--name"}},
    {"routes", {"--name"}},
    {"clusters", {"--port", "--fqdn", "--direction", "--subset"}},
    {"endpoints", {"--port", "--address", "--cluster", "--status"}},
    {"all", {"--port", "--address", "--name", "--fqdn", "--direction", "--subset", "--cluster", "--status"}},
    {"diff", {}}};

base::Status check_filters(const CLI::App& app, const Options& options) {
    const auto& allowed = kFilters.at(options.what);
    for (const auto& name : kFilters.at("all"))
        if (app.get_option(name)->count() > 0 && std::find(allowed.begin(), allowed.end(), name) == allowed.end())
            return base::fail("pc: " + name + " has no meaning for " + options.what, ExitCode::kUsage);
    if (options.kernel && options.what == "diff")
        return base::fail("pc: diff compares with the kernel anyway; --kernel has no meaning for it", ExitCode::kUsage);
    return {};
}

base::Result<model::Mesh> load_mesh(Context& context, const Options& options) {
    if (!options.file.empty()) return load_config(options.file);
    const auto file = controllers_file(context.globals.run_dir);
    return load_config(file.empty() ? kDefaultConfig : file);
}

// Names for the kernel's numbers, as far as somebody knows them.
base::Result<model::Mesh> mesh_for_names(Context& context, const Options& options) {
    if (!options.file.empty()) return load_config(options.file);
    const auto file = controllers_file(context.globals.run_dir);
    if (!file.empty()) {
        auto mesh = load_config(file);
        if (mesh) return mesh;
        spdlog::warn("{} cannot be read any more; numbers stand for names", file);
    } else {
        spdlog::info("no controller answers, and no --config is given: numbers stand for names");
    }
    return model::Mesh{};
}

// The last of `tables` is what the kernel holds.
inspect::Names names_for(const model::Mesh& mesh, std::initializer_list<const policy::Tables*> tables) {
    std::set<std::uint64_t> ids;
    for (const auto* each : tables)
        for (const auto& [key, scope] : each->scopes) ids.insert({key.cgroup_id, scope.proxy_cgroup_id});
    ids.erase(0);
    inspect::Names names(mesh);
    names.add_cgroups(telemetry::cgroup_paths(ids), **std::prev(tables.end()));
    return names;
}

base::Result<inspect::Rows> read_rows(Context& context, const Options& options) {
    if (!options.kernel) {
        const auto mesh = load_mesh(context, options);
        if (!mesh) return tl::unexpected<base::Error>(mesh.error());
        return inspect::rows_of(*mesh);
    }
    const auto tables = sync::read_tables(context.paths());
    if (!tables) return tl::unexpected<base::Error>(tables.error());
    const auto mesh = mesh_for_names(context, options);
    if (!mesh) return tl::unexpected<base::Error>(mesh.error());
    return inspect::rows_of(*tables, names_for(*mesh, {&*tables}));
}

template <class List>
void put(Context& context, const List& rows, const std::string& what) {
    if (rows.empty() && context.out.format() == Format::kTable)
        spdlog::info("no {}", what);
    else
        context.out.emit(to_json(rows), to_table(rows, context.globals.brief));
}

void put_all(Context& context, const inspect::Rows& rows) {
    const bool brief = context.globals.brief;
    context.out.emit({{"listeners", to_json(rows.listeners)},
                      {"routes", to_json(rows.routes)},
                      {"clusters", to_json(rows.clusters)},
                      {"endpoints", to_json(rows.endpoints)}},
                     {{"listeners", to_table(rows.listeners, brief)},
                      {"routes", to_table(rows.routes, brief)},
                      {"clusters", to_table(rows.clusters, brief)},
                      {"endpoints", to_table(rows.endpoints, brief)}});
}

base::Result<ExitCode> print(Context& context, const Options& options) {
    auto rows = read_rows(context, options);
    if (!rows) return tl::unexpected<base::Error>(rows.error());
    inspect::apply(options.filter, *rows);
    if (options.kernel && (options.what == "routes" || options.what == "all"))
        spdlog::info("the kernel's tables hold no routes: the proxy alone follows them");
    else if (options.what == "routes")
        spdlog::info("NOTE: This output only contains routes loaded via RDS.");
    if (options.what == "listeners") put(context, rows->listeners, "listeners");
    if (options.what == "routes") put(context, rows->routes, "routes");
    if (options.what == "clusters") put(context, rows->clusters, "clusters");
    if (options.what == "endpoints") put(context, rows->endpoints, "endpoints");
    if (options.what == "all") put_all(context, *rows);
    return ExitCode::kOk;
}

base::Result<ExitCode> diff(Context& context, const Options& options) {
    const auto mesh = load_mesh(context, options);
    if (!mesh) return tl::unexpected<base::Error>(mesh.error());
    const auto present = sync::read_tables(context.paths());
    if (!present) return tl::unexpected<base::Error>(present.error());
    const auto placement = sync::place(*mesh);
    if (!placement) return tl::unexpected<base::Error>(placement.error());
    const auto wanted = policy::compile(*mesh, sync::resolve(*placement));
    const auto found = inspect::differences(wanted, *present, names_for(*mesh, {&wanted, &*present}));
    if (!found.empty() || context.out.format() != Format::kTable) context.out.emit(to_json(found));
    if (found.empty())
        spdlog::info("no difference: {} table entries are as {} says", policy::entries(*present), mesh->file);
    else
        spdlog::warn("{} differences between {} and the kernel", found.size(), mesh->file);
    return found.empty() ? ExitCode::kOk : ExitCode::kFailure;
}

base::Result<ExitCode> pc(Context& context, const CLI::App& app, Options options) {
    if (const auto alias = kAliases.find(options.what); alias != kAliases.end()) options.what = alias->second;
    if (std::find(kNouns.begin(), kNouns.end(), options.what) == kNouns.end())
        return base::fail("pc: " + base::quoted(options.what) +
                              " is not listeners, routes, clusters, endpoints, all or diff" +
                              base::did_you_mean(options.what, {kNouns.begin(), kNouns.end()}),
                          ExitCode::kUsage);
    if (auto checked = check_filters(app, options); !checked) return tl::unexpected<base::Error>(checked.error());
    return options.what == "diff" ? diff(context, options) : print(context, options);
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    app.add_option("-c,--config", options->file,
                   std::string("Configuration file; default: the running controller's, otherwise ") + kDefaultConfig)
        ->type_name("FILE");
    app.add_flag("--kernel", options->kernel, "Print what the kernel's tables hold");
    auto& filter = options->filter;
    app.add_option("--port", filter.port, "Only this port (listeners, clusters, endpoints)")->type_name("N");
    app.add_option("--address", filter.address, "Only this address (listeners, endpoints)")->type_name("ADDR");
    app.add_option("--name", filter.name, "Only this name (listeners, routes)")->type_name("NAME");
    app.add_option("--fqdn", filter.fqdn, "Only clusters of this service")->type_name("FQDN");
    app.add_option("--direction", filter.direction, "Only inbound or outbound clusters")->type_name("DIRECTION");
    app.add_option("--subset", filter.subset, "Only clusters of this subset")->type_name("SUBSET");
    app.add_option("--cluster", filter.cluster, "Only endpoints of this cluster")->type_name("NAME");
    app.add_option("--status", filter.status, "Only endpoints that are healthy, unhealthy or draining")
        ->type_name("STATUS");
    app.add_option("WHAT", options->what, "listeners (l), routes (r), clusters (c), endpoints (ep), all (a) or diff")
        ->required();
    return [options, &app](Context& context) { return pc(context, app, *options); };
}

}  // namespace

Command pc_command() {
    return {
        "pc",
        "Print listeners, routes, clusters and endpoints as istioctl proxy-config does",
        "Reads a configuration, without privilege and without a kernel, and prints what istioctl proxy-config "
        "prints, in its columns: -o short has those alone, -o table adds what shunt knows besides. KERNEL says "
        "what a connect() to a listener becomes: redirect (to the proxy), balance (direct: true), bypass or "
        "refuse.\n\n"
        "With --kernel the lines are made from the tables in force. They hold numbers for names; the "
        "configuration given with --config, or the running controller's, puts the names back, otherwise numbers "
        "are printed in hex, and scopes by the paths of their cgroups. Routes, and endpoints that are not healthy, are "
        "not in the kernel.\n\n"
        "pc diff compares the two: every entry that one side lacks or has otherwise is printed, and the exit code "
        "is then 1.",
        {{"shunt pc routes -c shunt.yaml", "weights of every virtual host"},
         {"shunt pc c --fqdn reviews.default.svc.cluster.local --subset v1", "one cluster of the running controller's"},
         {"shunt pc endpoints --kernel --status healthy -o json", "what the kernel balances over"},
         {"shunt pc diff -c shunt.yaml", "is this file in force?"}},
        true,
        "",
        define,
        {kNouns.begin(), kNouns.end()},
        {"table", "short", "json", "yaml"}};
}

}  // namespace shunt::cli
