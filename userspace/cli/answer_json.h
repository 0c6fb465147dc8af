// SPDX-License-Identifier: Apache-2.0
// The answer of explain, with the names that the configuration gives to what the verdict leads to.
#pragma once

#include <optional>
#include <string>

#include "cli/output.h"
#include "inspect/rows.h"
#include "policy/explain.h"

namespace shunt::cli {

// {"dst", "verdict", "reason", "rule": {"path", "line"}, "lane", "to", "scope" (where there are scopes), "listener",
//  "route", "virtualHost", "domain",
//  "clusters": [{"name", "weight", "percent", "virtualHost" (of a route), "type",
//                "endpoints": [{"address", "weight", "percent", "health"}]}],
//  "decidedBy": {"kernel": [...], "proxy": [...]}}
// Percents are shares of new connections; an endpoint that is not healthy has none. virtualHost and domain are null
// where `host` does not say which one the proxy will choose and the destination does not either: then the clusters of
// all virtual hosts are listed. They are null and clusters is empty where the proxy has no virtual host for `host`.
Json describe(const policy::Flow& flow, const policy::Answer& answer, const model::Mesh& mesh,
              const std::optional<std::string>& host = std::nullopt);

// Goes on where describe() had no configuration: from the listener's number to its name and, where the kernel balances,
// to its clusters and endpoints, as far as the rows of the kernel's tables say them.
void put_kernel_rows(Json& description, const policy::Answer& answer, const inspect::Rows& rows);

// The same in fewer lines, for people.
Json describe_for_table(const Json& description, const std::string& file);

}  // namespace shunt::cli
