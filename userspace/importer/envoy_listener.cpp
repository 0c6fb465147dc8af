// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "importer/envoy_parts.h"

namespace shunt::importer {
namespace {

// What one filter chain does with a connection.
struct Chain {
    const EnvoyJson* match = nullptr;
    std::string route;                             // name of the route configuration of an HTTP chain
    std::optional<model::Route> inline_route;      // where it is written into the chain
    std::vector<model::WeightedCluster> clusters;  // of a TCP chain
    std::string other;                             // a last filter that is neither
};

bool ends_with(const std::string& type, std::string_view name) { return std::string_view(type).ends_with(name); }

Chain chain_of(const EnvoyJson& value, Fields& fields, RemarkBook& remarks) {
    Chain chain;
    chain.match = fields.object(value, "filter_chain_match");
    for (const auto& filter : fields.list(value, "filters")) {
        chain.other = fields.name(filter, "name");
        const auto* config = fields.object(filter, "typed_config");
        if (config == nullptr) continue;
        const std::string type = fields.text(*config, "@type");
        if (ends_with(type, ".HttpConnectionManager")) {
            if (const auto* rds = fields.object(*config, "rds")) chain.route = fields.name(*rds, "route_config_name");
            if (const auto* inner = fields.object(*config, "route_config"))
                chain.inline_route = route_of(*inner, fields, remarks);
        } else if (ends_with(type, ".TcpProxy")) {
            chain.clusters = clusters_of(*config, fields);
        }
    }
    return chain;
}

// No condition on the destination: what is left for every connection.
bool catches_all(const Chain& chain) {
    return !chain.match || (!chain.match->contains("destination_port") && !chain.match->contains("prefix_ranges"));
}

class ListenerReader {
public:
    ListenerReader(Fields& fields, EnvoyParts& parts) : fields_(fields), parts_(parts) {}

    void read(const EnvoyJson& value) {
        name_ = fields_.name(value, "name");
        if (fields_.text(value, "traffic_direction") == "INBOUND" || name_ == "virtualInbound") return;
        std::vector<base::SocketAddress> addresses;
        if (const auto address = fields_.socket_address(value, "address")) addresses.push_back(*address);
        for (const auto& more : fields_.list(value, "additional_addresses"))
            if (const auto address = fields_.socket_address(more, "address")) addresses.push_back(*address);
        for (const auto& chain : fields_.list(value, "filter_chains"))
            chains_.push_back(chain_of(chain, fields_, parts_.remarks));
        if (const auto* chain = fields_.object(value, "default_filter_chain"))
            chains_.push_back(chain_of(*chain, fields_, parts_.remarks));
        if (addresses.empty()) return parts_.remarks.add(false, "a listener without a TCP address: left out", name_);
        if (takes_original_destination(value)) return virtual_outbound(value, addresses);
        if (binds(value))
            return parts_.remarks.add(
                false, "a listener that binds its port, for others than captured connections: left out", name_);
        outbound(addresses);
    }

private:
    bool takes_original_destination(const EnvoyJson& value) {
        if (fields_.flag(value, "use_original_dst", false)) return true;
        // The listener filter alone says so too, where the listener is bound.
        if (!binds(value)) return false;
        for (const auto& filter : fields_.list(value, "listener_filters")) {
            const auto* config = fields_.object(filter, "typed_config");
            if (config && ends_with(fields_.text(*config, "@type"), ".OriginalDst")) return true;
        }
        return false;
    }

    bool binds(const EnvoyJson& value) {
        const auto* old = fields_.object(value, "deprecated_v1");
        return fields_.flag(value, "bind_to_port", true) && (!old || fields_.flag(*old, "bind_to_port", true));
    }

    void virtual_outbound(const EnvoyJson& value, const std::vector<base::SocketAddress>& addresses) {
        auto& config = parts_.config;
        for (const auto& address : addresses) {
            auto& slot = address.address.is_v4() ? config.listen_v4 : config.listen_v6;
            if (!slot) slot = address;
        }
        const auto* address = fields_.object(value, "address");
        const auto* socket = address ? fields_.object(*address, "socket_address") : nullptr;
        if (socket && fields_.flag(*socket, "ipv4_compat", false) && !config.listen_v4)
            config.listen_v4 = base::SocketAddress{base::Address::v4(0), addresses.front().port};
        for (const auto& chain : chains_) {
            if (!catches_all(chain) || chain.clusters.empty()) continue;
            if (config.catch_all.empty()) config.catch_all = chain.clusters.front().name;
        }
    }

    static std::string named_after(const base::SocketAddress& address) {
        return base::to_string(address.address) + "_" + std::to_string(address.port);
    }

    void outbound(const std::vector<base::SocketAddress>& addresses) {
        model::Listener listener;
        if (name_.empty()) name_ = named_after(addresses.front());  // routes are named after it
        listener.name = name_;
        target(listener);
        if (listener.route_config_name.empty() && listener.cluster.empty()) {
            const std::string filter = chains_.empty() ? "none" : chains_.back().other;
            return parts_.remarks.add(true, "a listener whose last filter is " + filter + ": not understood, left out",
                                      name_);
        }
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            listener.address = addresses[i].address;
            listener.port = addresses[i].port;
            if (i > 0) listener.name = named_after(addresses[i]);
            parts_.config.listeners.push_back(listener);
        }
    }

    // HTTP first: Istio's listeners for ports of unknown protocol have both, and TCP is what is left.
    void target(model::Listener& listener) {
        for (auto& chain : chains_) {
            if (!chain.route.empty()) {
                listener.route_config_name = chain.route;
                return;
            }
            if (!chain.inline_route) continue;
            auto& route = *chain.inline_route;
            if (route.name.empty()) route.name = name_;
            listener.route_config_name = route.name;
            parts_.config.routes.push_back(std::move(route));
            return;
        }
        std::vector<const Chain*> tcp;
        for (const auto& chain : chains_)
            if (!chain.clusters.empty()) tcp.push_back(&chain);
        if (tcp.size() == 1 && tcp[0]->clusters.size() == 1 && server_names(*tcp[0]).empty()) {
            listener.cluster = tcp[0]->clusters.front().name;
        } else if (!tcp.empty()) {
            listener.route_config_name = name_;
            parts_.config.routes.push_back(by_server_name(tcp));
        }
    }

    std::vector<std::string> server_names(const Chain& chain) {
        std::vector<std::string> names;
        if (!chain.match) return names;
        for (const auto& name : fields_.list(*chain.match, "server_names"))
            names.push_back(fields_.name(EnvoyJson{{"server_names", name}}, "server_names"));
        return names;
    }

    // Chains chosen by TLS server name, or TCP spread over several clusters: a route with a virtual host for each.
    model::Route by_server_name(const std::vector<const Chain*>& chains) {
        model::Route route;
        route.name = name_;
        std::vector<std::string> taken;
        for (const auto* chain : chains) {
            model::VirtualHost host;
            auto domains = server_names(*chain);
            if (domains.empty()) domains.emplace_back("*");
            for (auto& domain : domains) {
                const auto plain = lower(domain);  // case does not matter in domains
                if (domain.empty() || std::find(taken.begin(), taken.end(), plain) != taken.end()) continue;
                taken.push_back(plain);
                host.domains.push_back(std::move(domain));
            }
            if (host.domains.empty()) continue;
            host.name = host.domains.front();
            host.weighted_clusters = chain->clusters;
            route.virtual_hosts.push_back(std::move(host));
        }
        return route;
    }

    Fields& fields_;
    EnvoyParts& parts_;
    std::string name_;
    std::vector<Chain> chains_;
};

}  // namespace

std::string read_listener(Entry&& entry, EnvoyParts& parts) {
    Fields fields(entry.place);
    // A dynamic listener that is still warming, or draining, takes no connection.
    const auto* active = fields.object(entry.value, "active_state");
    if (const auto* value = fields.object(active ? *active : entry.value, "listener"))
        ListenerReader(fields, parts).read(*value);
    return fields.error();
}

}  // namespace shunt::importer
