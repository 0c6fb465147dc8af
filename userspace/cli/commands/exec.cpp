// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/text.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "kernel/cgroup.h"
#include "telemetry/snapshot.h"

namespace shunt::cli {
namespace {

struct Options {
    std::string file;  // empty: what is installed, and the default file where nothing is
    std::string as = "application";
};

base::Result<std::string> from_config(const std::string& file, bool proxy) {
    const auto mesh = load_config(file);
    if (!mesh) return tl::unexpected<base::Error>(mesh.error());
    if (!proxy && !mesh->capture.cgroups.empty()) return mesh->capture.cgroups.front().value;
    if (!proxy) return mesh->scopes.front().cgroups.front().value;
    if (mesh->proxy.identity.cgroup) return mesh->proxy.identity.cgroup->value;
    return base::fail(
        file +
        ": proxy.identity.cgroup is not set, so the proxy is not recognised by its cgroup; start it with the "
        "mark, uid or gid that proxy.identity names");
}

// The cgroup that the kernel's links name; empty where they do not say.
std::string from_links(const telemetry::Snapshot& snapshot, bool proxy) {
    const auto proxy_cgroup = snapshot.base_scope().proxy_cgroup_id;
    for (const auto& link : snapshot.links) {
        if (!link.attached) continue;
        if (proxy ? link.cgroup_id == proxy_cgroup : link.attach_type == "cgroup_inet4_connect") return link.cgroup;
    }
    return "";
}

base::Result<std::string> choose_cgroup(const Context& context, const Options& options) {
    const bool proxy = options.as == "proxy";
    if (!options.file.empty()) return from_config(options.file, proxy);
    const auto snapshot = telemetry::read_snapshot(context.paths());
    if (snapshot && snapshot->installed)
        if (const std::string cgroup = from_links(*snapshot, proxy); !cgroup.empty()) return cgroup;
    return from_config(kDefaultConfig, proxy);
}

base::Status enter(const kernel::Cgroup& cgroup) {
    const std::string path = cgroup.path + "/cgroup.procs";
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return tl::unexpected<base::Error>(base::errno_error(path, errno));
    const ssize_t written = write(fd, "0", 1);
    const int error = errno;
    close(fd);
    if (written == 1) return {};
    base::Error failed = base::errno_error(path, error);
    if (error == EBUSY)
        failed.message += "; it has controllers enabled for its children, so name a cgroup below it that has none";
    return tl::unexpected<base::Error>(std::move(failed));
}

// Returns only on failure, with the exit code that shells and env(1) use.
base::ExitCode replace_process(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);  // ignored signals are inherited, and a command expects to die of this one
    execvp(arguments[0], arguments.data());
    const int error = errno;
    spdlog::error("{}: {}", words[0], std::strerror(error));
    return static_cast<base::ExitCode>(error == ENOENT ? 127 : 126);
}

base::Result<base::ExitCode> execute(Context& context, const Options& options) {
    if (options.as != "application" && options.as != "proxy")
        return base::fail("--as: " + base::quoted(options.as) + " is not application or proxy", base::ExitCode::kUsage);
    const auto configured = choose_cgroup(context, options);
    if (!configured) return tl::unexpected<base::Error>(configured.error());
    const auto cgroup = kernel::find_cgroup(*configured);
    if (!cgroup) return tl::unexpected<base::Error>(cgroup.error());
    if (const auto entered = enter(*cgroup); !entered) return tl::unexpected<base::Error>(entered.error());
    spdlog::debug("in cgroup {}", cgroup->path);
    return replace_process(context.tail);
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    add_config_option(app, options->file)
        ->description(std::string("Take the cgroup from this file; default: from what is installed, or ") +
                      kDefaultConfig);
    app.add_option("--as", options->as, "application (default): the first captured cgroup; proxy: the proxy's own")
        ->type_name("WHO");
    return [options](Context& context) { return execute(context, *options); };
}

}  // namespace

Command exec_command() {
    return {"exec",
            "Run a command in the captured cgroup, or in the proxy's",
            "Moves itself into the cgroup and becomes the command, so that its connections are redirected from the "
            "first one "
            "on; with --as proxy, so that they are recognised as the proxy's own and left alone. User, environment and "
            "network "
            "namespace stay as they are. A socket belongs to the cgroup it was made in: moving a running process later "
            "does not "
            "change its sockets, and that is why a proxy must be started like this.\n\n"
            "The exit code is the command's; 127 where it was not found, 126 where it could not be run.",
            {{"shunt exec -- curl http://10.0.3.29:9080/", "one request through the proxy"},
             {"shunt exec --as proxy -- envoy -c envoy.yaml", "the proxy itself"}},
            false,
            "COMMAND [ARGUMENT]...",
            define};
}

}  // namespace shunt::cli
