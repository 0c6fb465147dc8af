// SPDX-License-Identifier: Apache-2.0
#include "config/sections.h"

namespace shunt::config {
namespace {

std::optional<std::uint16_t> read_port(Problems& problems, const MapReader& map) {
    const auto value = map.require("port", "a port, 1-65535");
    return value ? read_parsed(problems, *value, "a port, 1-65535", base::parse_port) : std::nullopt;
}

constexpr const char* kTargets = "exactly one of routeConfigName, cluster and weightedClusters";

// Answers where the target is written.
model::Place read_target(Problems& problems, const MapReader& map, model::Listener& listener) {
    const auto route = map.get("routeConfigName");
    const auto cluster = map.get("cluster");
    const auto weighted = map.get("weightedClusters");
    const auto total = map.get("totalWeight");
    if (map.ok() && !route && !cluster && !weighted)
        problems.error(map.place(), std::string("no target; expected ") + kTargets);
    if (route && (cluster || weighted))
        problems.error(route->place(), std::string("besides another target; expected ") + kTargets);
    else if (cluster && weighted)
        problems.error(cluster->place(), std::string("besides weightedClusters; expected ") + kTargets);
    if (route) listener.route_config_name = read_name(problems, *route, "the name of a route").value_or("");
    // Of two targets, refused above, the first one stands: which of them was meant is not known.
    if (cluster && !route) listener.cluster = read_name(problems, *cluster, "the name of a cluster").value_or("");
    if (weighted && !route && !cluster)
        listener.weighted_clusters = read_weighted_clusters(problems, *weighted, total);
    else if (total)
        problems.error(total->place(), "totalWeight without weightedClusters; expected both or neither");
    if (const auto direct = map.get("direct")) {
        listener.direct = read_bool(problems, *direct).value_or(false);
        if (listener.direct && route)
            problems.error(direct->place(),
                           "direct with routeConfigName, which only a proxy can follow; expected cluster or "
                           "weightedClusters in this listener");
    }
    return route ? route->place() : cluster ? cluster->place() : weighted ? weighted->place() : map.place();
}

// Answers whether address and port could be read, so that the pair can be compared with others.
bool read_listener(Problems& problems, const Value& value, Unique<std::string>& names, Notes& notes,
                   model::Listener& listener) {
    const MapReader map(
        problems, value,
        {"name", "address", "port", "routeConfigName", "cluster", "weightedClusters", "totalWeight", "direct"});
    listener.place = value.place();
    bool known = map.ok();
    listener.address = base::Address::v4(0);
    if (const auto address = map.get("address")) {
        const auto parsed = read_parsed(problems, *address, "an IPv4 or IPv6 address", base::parse_address);
        known = parsed && check_unicast(problems, address->place(), *parsed, Unspecified::kAllowed);
        if (known) listener.address = *parsed;
    }
    const auto port = read_port(problems, map);
    listener.port = port.value_or(0);
    notes.listener_targets.push_back(read_target(problems, map, listener));
    known = known && port;
    const auto name = map.get("name");
    if (name)
        listener.name = read_name(problems, *name, "the name of the listener").value_or("");
    else if (known)
        listener.name = base::to_string(listener.address) + "_" + std::to_string(listener.port);
    if (!listener.name.empty())
        names.add(listener.name, name ? name->place() : listener.place, "the name " + listener.name);
    return known;
}

}  // namespace

void read_listeners(Problems& problems, const Value& value, std::vector<model::Listener>& listeners, Notes& notes) {
    Unique<std::string> names(problems);
    Unique<base::SocketAddress> addresses(problems);
    for (const auto& item : read_list(problems, value, "a list of listeners")) {
        model::Listener listener;
        if (read_listener(problems, item, names, notes, listener)) {
            // 0.0.0.0 and :: both mean every address.
            const base::Address address = listener.address.is_unspecified() ? base::Address{} : listener.address;
            addresses.add({address, listener.port}, listener.place,
                          "a listener on " + base::to_string(base::SocketAddress{listener.address, listener.port}));
        }
        listeners.push_back(std::move(listener));
    }
}

}  // namespace shunt::config
