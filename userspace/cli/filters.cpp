// SPDX-License-Identifier: Apache-2.0
#include "cli/filters.h"

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "kernel/cgroup.h"

namespace shunt::cli {
namespace {

using base::ExitCode;

base::Result<DestinationFilter> parse_to(const std::string& text) {
    if (const auto cidr = base::parse_cidr(text)) return DestinationFilter{cidr->cidr, 0};
    const auto end = base::parse_socket_address(text);
    if (!end)
        return base::fail("--to: " + base::quoted(text) + " is neither a range (10.0.0.0/8), an address nor ADDR:PORT",
                          ExitCode::kUsage);
    return DestinationFilter{base::Cidr{end->address, end->address.is_v4() ? 32 : 128}, end->port};
}

}  // namespace

bool DestinationFilter::matches(const base::SocketAddress& destination) const {
    return (port == 0 || port == destination.port) && (!range || range->contains(destination.address));
}

void add_filter_options(CLI::App& app, FilterOptions& options) {
    app.add_option("--to,--cidr", options.to, "Only to CIDR, ADDR or ADDR:PORT, as the application dialled it")
        ->type_name("DEST");
    app.add_option("--port", options.port, "Only to this port, likewise")->type_name("N");
    app.add_option("--cgroup", options.cgroup, "Only from this cgroup and those below it")->type_name("PATH");
}

base::Result<Filter> read_filter(const FilterOptions& options) {
    Filter filter;
    if (!options.to.empty()) {
        const auto to = parse_to(options.to);
        if (!to) return tl::unexpected<base::Error>(to.error());
        filter.destination = *to;
    }
    if (!options.port.empty()) {
        const auto port = base::parse_port(options.port);
        if (!port) return base::fail("--port: " + port.error().message, ExitCode::kUsage);
        if (filter.destination.port != 0 && filter.destination.port != *port)
            return base::fail("--port " + options.port + " contradicts --to " + options.to, ExitCode::kUsage);
        filter.destination.port = *port;
    }
    if (!options.cgroup.empty()) {
        const auto mount = kernel::cgroup2_mount();
        if (!mount) return tl::unexpected<base::Error>(mount.error());
        const auto cgroup = kernel::find_cgroup(options.cgroup);
        if (!cgroup) return base::wrap("--cgroup", cgroup.error());
        filter.cgroup = cgroup->path == *mount ? "/" : cgroup->path.substr(mount->size());
    }
    return filter;
}

bool Filter::matches_cgroup(const std::string& path) const {
    if (cgroup.empty() || path == cgroup) return true;
    return !path.empty() && (cgroup == "/" || path.starts_with(cgroup + "/"));
}

std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c < 0x20 || c > 0x7e) c = '?';
    return out;
}

}  // namespace shunt::cli
