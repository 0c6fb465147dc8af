// SPDX-License-Identifier: Apache-2.0
// What connections and observe can be narrowed down to, and words shared by both.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/net.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace shunt::cli {

struct DestinationFilter {
    std::optional<base::Cidr> range;  // empty: any address
    std::uint16_t port = 0;           // 0: any
    bool matches(const base::SocketAddress& destination) const;
};

// As written: --to CIDR, ADDR or ADDR:PORT, --port N, --cgroup PATH; empty: everything.
struct FilterOptions {
    std::string to, port, cgroup;
};
void add_filter_options(CLI::App& app, FilterOptions& options);

struct Filter {
    DestinationFilter destination;
    std::string cgroup;  // below the cgroup2 mount; empty: any
    // A cgroup without a name is gone, and below none.
    bool matches_cgroup(const std::string& path) const;
};
base::Result<Filter> read_filter(const FilterOptions& options);  // ExitCode::kUsage

// A name that a process gave itself, or a cgroup's, without what could move a terminal's cursor.
std::string printable(std::string_view text);

}  // namespace shunt::cli
