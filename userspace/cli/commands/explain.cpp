// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "cli/answer_json.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/flow_json.h"
#include "kernel/cgroup.h"
#include "sync/readback.h"

namespace shunt::cli {
namespace {

struct Options {
    std::string file = kDefaultConfig;
    bool kernel = false;
    std::string source;
    std::string family;
    std::string host;
    FlowText flow;  // destination "-": one flow per line of stdin
};

// What flows are judged by. The mesh of the kernel's tables is empty: they hold no names and no places; rows are what
// they do hold, with names where the running controller's configuration has them.
struct Ground {
    policy::Tables tables;
    model::Mesh mesh;
    inspect::Rows rows;
};

inspect::Rows kernel_rows(const policy::Tables& tables, const std::string& run_dir) {
    const auto file = controllers_file(run_dir);
    const auto mesh = file.empty() ? model::Mesh{} : load_config(file).value_or(model::Mesh{});
    return inspect::rows_of(tables, inspect::Names(mesh));
}

base::Result<Ground> read_ground(Context& context, const Options& options) {
    if (options.kernel) {
        auto tables = sync::read_tables(context.paths());
        if (!tables) return tl::unexpected<base::Error>(tables.error());
        auto rows = kernel_rows(*tables, context.globals.run_dir);
        return Ground{std::move(*tables), {}, std::move(rows)};
    }
    auto mesh = load_config(options.file);
    if (!mesh) return tl::unexpected<base::Error>(mesh.error());
    policy::Tables tables = policy::compile(*mesh, policy::offline(*mesh));
    return Ground{std::move(tables), std::move(*mesh), {}};
}

// The deepest scope that holds the cgroup. Offline by path, because the cgroup need not exist here; in the kernel by
// id.
base::Result<ScopeRef> scope_of(const Ground& ground, const std::string& cgroup) {
    if (cgroup.empty()) return ScopeRef{};
    if (ground.mesh.file.empty()) {
        auto found = kernel::find_cgroup(cgroup);
        while (found && found->level > 0 && !ground.tables.scopes.contains({found->id}))
            found = kernel::find_cgroup(found->path.substr(0, found->path.rfind('/')));
        if (!found) return tl::unexpected<base::Error>(found.error());
        return ScopeRef{found->level > 0 ? found->id : 0, std::nullopt};
    }
    ScopeRef best;
    std::size_t length = 0;
    for (std::size_t i = 0; i < ground.mesh.scopes.size(); ++i) {
        for (const auto& [path, place] : ground.mesh.scopes[i].cgroups) {
            const bool holds = cgroup == path || cgroup.starts_with(path + "/");
            if (!holds || path.size() <= length) continue;
            length = path.size();
            best = {i + 1, i};
        }
    }
    return best;
}

base::Result<Json> answer(const Ground& ground, const FlowText& text) {
    const auto scope = scope_of(ground, text.cgroup);
    if (!scope) return tl::unexpected<base::Error>(scope.error());
    const auto flow = to_flow(text, ground.tables, *scope);
    if (!flow) return tl::unexpected<base::Error>(flow.error());
    const auto judged = policy::explain(ground.tables, ground.mesh, *flow);
    auto told = describe(*flow, judged, ground.mesh, text.host);
    if (ground.mesh.file.empty()) put_kernel_rows(told, judged, ground.rows);
    return told;
}

base::ExitCode explain_lines(Context& context, const Ground& ground) {
    if (!context.globals.format_given) context.out.set_format(Format::kJson);
    auto code = base::ExitCode::kOk;
    std::string line;
    while (!context.out.closed() && std::getline(context.in, line)) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const auto text = parse_flow_line(line);
        const auto told = text ? answer(ground, *text) : tl::unexpected<base::Error>(text.error());
        if (!told) {
            context.out.record({{"error", told.error().message}});
            code = base::ExitCode::kFailure;
        } else {
            context.out.record(context.out.format() == Format::kTable ? describe_for_table(*told, ground.mesh.file)
                                                                      : *told);
        }
    }
    return code;
}

base::Result<base::ExitCode> explain(Context& context, Options options) {
    if (!options.source.empty()) options.flow.source = options.source;
    if (!options.family.empty()) options.flow.family = options.family;
    if (!options.host.empty()) options.flow.host = options.host;
    const bool lines = options.flow.destination == "-";
    if (!lines) {
        // A flow that makes no sense is a usage error whatever the configuration says.
        policy::Tables any;
        any.scopes[{0}].flags = SHUNT_SCOPE_PROXY_CGROUP;
        if (const auto flow = to_flow(options.flow, any); !flow)
            return base::fail(flow.error().message, base::ExitCode::kUsage);
    }
    const auto ground = read_ground(context, options);
    if (!ground) return tl::unexpected<base::Error>(ground.error());
    if (lines) return explain_lines(context, *ground);
    const auto told = answer(*ground, options.flow);
    if (!told) return tl::unexpected<base::Error>(told.error());
    context.out.emit(*told, describe_for_table(*told, ground->mesh.file));
    return base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    auto* config = add_config_option(app, options->file);
    app.add_flag("--kernel", options->kernel, "Answer from the tables in the kernel instead of a file")
        ->excludes(config);
    app.add_option("--uid", options->flow.uid, "User of the process; default: 0")->type_name("N");
    app.add_option("--gid", options->flow.gid, "Group of the process; default: 0")->type_name("N");
    app.add_option("--mark", options->flow.mark, "SO_MARK of the socket; default: 0")->type_name("N");
    app.add_option("--own", options->flow.own, "An address of the network namespace, besides loopback; may be repeated")
        ->type_name("ADDR")
        ->allow_extra_args(false);
    app.add_option("--source", options->source, "What the application bound its socket to; port 0: the address only")
        ->type_name("ADDR:PORT");
    app.add_option("--family", options->family,
                   "inet or inet6, the socket's; default: inet6 for a destination in brackets")
        ->type_name("FAMILY");
    app.add_option("--host", options->host, "Host header of the request: chooses the virtual host, as the proxy will")
        ->type_name("NAME");
    app.add_option("--as", options->flow.as, "Who dials: application (default) or proxy")->type_name("WHO");
    app.add_option("--cgroup", options->flow.cgroup, "Cgroup of the process, where the configuration has scopes")
        ->type_name("PATH");
    app.add_flag("--udp", options->flow.udp, "A UDP socket instead of a TCP one");
    app.add_flag("--bound-to-device", options->flow.bound_to_device, "The socket has SO_BINDTODEVICE, other than lo");
    app.add_option("DEST", options->flow.destination,
                   "ADDR:PORT, [ADDR6]:PORT, or - to read one flow per line of stdin")
        ->required();
    return [options](Context& context) { return explain(context, *options); };
}

}  // namespace

Command explain_command() {
    return {"explain",
            "Say what happens to a connection, and why",
            "Gives the verdict on a connection by the very function that decides in the kernel: bypass, redirect, "
            "balance or "
            "refuse, the reason, the key and line of the configuration that decided, where the connection really goes, "
            "and the "
            "listener, route, virtual host, weighted clusters and endpoints that its original destination leads to; "
            "decidedBy says which of them the kernel decides and which are left to the proxy. Works offline, without "
            "privilege and "
            "without "
            "BPF; with --kernel it answers from what is in force, with the names of the running controller's "
            "configuration, and goes on to clusters and endpoints where the kernel balances over them.\n\n"
            "With - each line of stdin is a flow as JSON, with the keys dst, uid, gid, mark, own, source, family, as, "
            "cgroup, host, udp and "
            "boundToDevice, of which dst alone is needed; each answer is a line of JSON. A line that is not a flow is "
            "answered "
            "with {\"error\": ...}, and the exit code is 1 at the end.",
            {{"shunt explain -c shunt.yaml --uid 1000 --own 10.0.3.7 10.0.3.29:9080", "an application's connection"},
             {"shunt explain --host reviews 10.96.4.8:9080",
              "which virtual host, clusters and endpoints the proxy will choose"},
             {"shunt explain --kernel --as proxy 10.0.3.29:9080", "the proxy's own, by the tables in force"},
             {"echo '{\"dst\":\"10.0.3.29:9080\",\"uid\":1000}' | shunt explain -", "many at once"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
