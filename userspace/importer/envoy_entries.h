// SPDX-License-Identifier: Apache-2.0
// Envoy's config_dump cut into its entries: one listener, route configuration, cluster or set of endpoints at a time is
// in memory, and of it only the fields that are looked at.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "importer/byte_source.h"

namespace shunt::importer {

using EnvoyJson = nlohmann::json;

enum class EntryKind { kListener, kRoute, kCluster, kEndpoints, kNode };

struct Entry {
    EntryKind kind = EntryKind::kListener;
    std::string place;  // "configs[3].dynamic_listeners[17]"
    EnvoyJson value;    // keys in snake_case, also where istioctl wrote them as camelCase
};

// Returns what is wrong with an entry; empty: nothing.
using EntrySink = std::function<std::string(Entry&&)>;

struct DumpFacts {
    std::vector<std::string> unknown_types;       // of parts of the dump that are not understood
    std::map<std::string, std::string> versions;  // "Listeners" -> version_info, of the parts that have one
    std::size_t entries = 0;
};

// Fails at the first thing that is wrong, with ExitCode::kConfigInvalid and "NAME: byte N: what".
base::Result<DumpFacts> read_entries(ByteSource& source, const std::string& name, const EntrySink& sink);

}  // namespace shunt::importer
