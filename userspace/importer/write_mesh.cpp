// SPDX-License-Identifier: Apache-2.0
#include "importer/write_mesh.h"

#include <algorithm>
#include <cctype>
#include <type_traits>

#include "base/text.h"

namespace shunt::importer {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMostInLine = 90;  // characters of a list in brackets; longer ones get a line for each item

template <class T, class Show>
Words shown(const std::vector<model::Placed<T>>& list, Show show) {
    Words words;
    for (const auto& item : list) words.push_back(show(item.value));
    return words;
}

template <class T>
Words shown(const std::vector<model::Placed<T>>& list) {
    // Ranges of ports are plain; those of addresses may begin with a colon.
    return shown(list, [](const T& value) {
        const std::string text = base::to_string(value);
        return std::is_same_v<T, base::PortRange> ? text : yaml_scalar(text);
    });
}

Words numbers(const std::vector<model::Placed<std::uint32_t>>& list) {
    return shown(list, [](std::uint32_t value) { return std::to_string(value); });
}

Words ranges(const model::RangeList& list) {
    Words words = shown(list.ranges);
    if (list.all) words.insert(words.begin(), "\"*\"");
    return words;
}

std::string flow_list(const Words& words) {
    std::string text = "[";
    for (const auto& word : words) text += (text.size() > 1 ? ", " : "") + word;
    return text + "]";
}

class Writer {
public:
    explicit Writer(const Origins& origins) : origins_(origins) {}

    void heading(const std::string& text) {
        if (!text.empty()) out_ += "# ";
        for (const char c : text) out_ += c == '\n' ? "\n# " : std::string(1, c);
        if (!text.empty()) out_ += "\n";
    }

    void mesh(const model::Mesh& mesh) {
        proxy(mesh.proxy);
        capture(mesh.capture);
        policy(mesh.policy);
        if (mesh.on_internal_error == model::OnInternalError::kBypass) out_ += "onInternalError: bypass\n";
        if (mesh.metrics) metrics(*mesh.metrics);
        if (mesh.watch) out_ += "watch: true\n";
        if (mesh.source) {  // which gives listeners, routes and clusters; a file that has both is refused
            const auto interval = std::to_string(mesh.source->interval.count());
            out_ +=
                "source: { envoy: { admin: " + yaml_scalar(mesh.source->admin) + ", interval: " + interval + "ms } }\n";
        } else {
            if (!mesh.listeners.empty()) listeners(mesh.listeners);
            routes(mesh.routes);
            clusters(mesh.clusters);
        }
        if (!mesh.scopes.empty()) begin_list("scopes", false);
        for (const auto& scope : mesh.scopes) this->scope(scope);
    }

    std::string take() { return std::move(out_); }

private:
    void section(const std::string& name, const std::string& comment) {
        section_ = name;
        out_ += name + ":" + (comment.empty() ? "" : "  # " + comment) + "\n";
    }

    std::string comment(const std::string& key) const {
        const auto found = origins_.find(section_ + "." + key);
        return found == origins_.end() || found->second.empty() ? "" : "  # " + found->second;
    }

    void value(const std::string& key, const std::string& text) {
        out_ += "  " + key + ": " + text + comment(key) + "\n";
    }

    void list(const std::string& key, const Words& words) {
        std::string line = flow_list(words);
        if (line.size() <= kMostInLine) return value(key, line);
        out_ += "  " + key + ":" + comment(key) + "\n";
        for (const auto& word : words) out_ += "    - " + word + "\n";
    }

    void proxy(const model::Proxy& proxy) {
        section("proxy", "");
        Words listen;
        for (const auto* address : {&proxy.listen_v4, &proxy.listen_v6})
            if (*address) listen.push_back(yaml_scalar(base::to_string((*address)->value)));
        value("listen", listen.size() == 1 ? listen.front() : flow_list(listen));
        identity(proxy.identity);
        if (proxy.when_down == model::WhenDown::kBypass) value("whenDown", "bypass");
        if (proxy.lane == model::LaneMode::kRecord) value("lane", "record");
        if (!proxy.bind_guard) value("bindGuard", "false");
    }

    void identity(const model::Identity& identity) {
        if (!identity.cgroup && !identity.mark && identity.uids.empty() && identity.gids.empty()) return;
        out_ += "  identity:\n";
        section_ = "proxy.identity";
        const auto nested = [&](const std::string& key, const std::string& text) {
            out_ += "    " + key + ": " + text + comment(key) + "\n";
        };
        if (identity.cgroup) nested("cgroup", yaml_scalar(identity.cgroup->value));
        if (identity.mark) nested("mark", std::to_string(identity.mark->value));
        if (!identity.uids.empty()) nested("uids", flow_list(numbers(identity.uids)));
        if (!identity.gids.empty()) nested("gids", flow_list(numbers(identity.gids)));
        section_ = "proxy";
    }

    void policy(const model::OutboundTrafficPolicy& policy) {
        section("outboundTrafficPolicy", "");
        value("mode", policy.mode == model::PolicyMode::kAllowAny ? "ALLOW_ANY" : "REGISTRY_ONLY");
        value("enforcedBy", policy.enforced_by == model::EnforcedBy::kProxy ? "proxy" : "kernel");
        if (policy.empty_cluster == model::EmptyCluster::kRefuse) value("emptyCluster", "refuse");
    }

    void metrics(const model::MetricsListener& metrics) {
        section("metrics", "");
        value("listen", yaml_scalar(metrics.address ? base::to_string(*metrics.address) : metrics.path));
        if (metrics.address && !metrics.address->address.is_loopback()) value("beyondLoopback", "true");
    }

    // Its sections are those of the whole configuration, four columns further right.
    void scope(const model::Scope& scope) {
        const Origins none;
        Writer inner(none);
        inner.out_ = "name: " + yaml_scalar(scope.name) + "\n";
        inner.out_ += "cgroups: " + flow_list(shown(scope.cgroups, yaml_scalar)) + "\n";
        if (scope.proxy) inner.proxy(*scope.proxy);
        if (scope.capture) inner.capture(*scope.capture, CaptureOf::kScope);
        if (scope.policy) inner.policy(*scope.policy);
        if (scope.on_internal_error)
            inner.out_ += std::string("onInternalError: ") +
                          (*scope.on_internal_error == model::OnInternalError::kBypass ? "bypass\n" : "refuse\n");
        if (scope.listeners) inner.listeners(*scope.listeners);
        if (scope.egress_hosts)
            inner.out_ += "egress: { hosts: " + flow_list(shown(*scope.egress_hosts, yaml_scalar)) + " }\n";
        std::string margin = "  - ";
        for (std::size_t at = 0; at < inner.out_.size(); margin = "    ") {
            const auto end = inner.out_.find('\n', at) + 1;
            out_ += margin + inner.out_.substr(at, end - at);
            at = end;
        }
    }

    enum class CaptureOf { kWhole, kScope };

    void capture(const model::Capture& capture, CaptureOf of = CaptureOf::kWhole) {
        section("capture", "");
        if (of == CaptureOf::kWhole) list("cgroups", shown(capture.cgroups, yaml_scalar));
        // Written beside an excluded "*", which only the default may stand beside, it would be a contradiction.
        if (!(capture.exclude_ranges.all && capture.include_ranges.all && capture.include_ranges.ranges.empty()))
            list("includeOutboundIPRanges", ranges(capture.include_ranges));
        list("excludeOutboundIPRanges", ranges(capture.exclude_ranges));
        list("includeOutboundPorts", shown(capture.include_ports));
        list("excludeOutboundPorts", shown(capture.exclude_ports));
        Words include = numbers(capture.include_owner_groups.gids);
        if (capture.include_owner_groups.all) include.insert(include.begin(), "\"*\"");
        list("includeOutboundOwnerGroups", include);
        list("excludeOutboundOwnerGroups", numbers(capture.exclude_owner_groups));
        value("outboundIPv4LoopbackCIDR", base::to_string(capture.loopback_v4.value));
        const char* const modes[] = {"auto", "capture", "bypass", "refuse"};
        value("ipv6", modes[static_cast<int>(capture.ipv6)]);
        Words client;
        for (const auto* address : {&capture.client_address_v4, &capture.client_address_v6})
            if (*address) client.push_back(yaml_scalar(base::to_string((*address)->value)));
        if (!client.empty()) list("clientAddress", client);
    }

    void begin_list(const char* name, bool empty) { out_ += std::string(name) + (empty ? ": []\n" : ":\n"); }

    void listeners(const std::vector<model::Listener>& listeners) {
        begin_list("listeners", listeners.empty());
        for (const auto& listener : listeners) {
            out_ += "  - { name: " + yaml_scalar(listener.name) +
                    ", address: " + yaml_scalar(base::to_string(listener.address)) +
                    ", port: " + std::to_string(listener.port);
            if (!listener.route_config_name.empty())
                out_ += ", routeConfigName: " + yaml_scalar(listener.route_config_name);
            if (!listener.cluster.empty()) out_ += ", cluster: " + yaml_scalar(listener.cluster);
            if (!listener.weighted_clusters.empty()) {
                Words words;
                for (const auto& cluster : listener.weighted_clusters) words.push_back(weighted(cluster));
                out_ += ", weightedClusters: " + flow_list(words);
            }
            out_ += listener.direct ? ", direct: true }\n" : " }\n";
        }
    }

    void routes(const std::vector<model::Route>& routes) {
        if (routes.empty()) return;
        begin_list("routes", false);
        for (const auto& route : routes) {
            out_ += "  - name: " + yaml_scalar(route.name) + "\n    virtualHosts:";
            out_ += route.virtual_hosts.empty() ? " []\n" : "\n";
            for (const auto& host : route.virtual_hosts) virtual_host(host);
        }
    }

    void virtual_host(const model::VirtualHost& host) {
        out_ += "      - name: " + yaml_scalar(host.name) + "\n        domains: [";
        for (std::size_t i = 0; i < host.domains.size(); ++i) out_ += (i ? ", " : "") + yaml_scalar(host.domains[i]);
        out_ += "]\n";
        if (host.weighted_clusters.size() == 1) {
            out_ += "        cluster: " + yaml_scalar(host.weighted_clusters.front().name) + "\n";
            return;
        }
        out_ += "        weightedClusters:\n";
        for (const auto& cluster : host.weighted_clusters) out_ += "          - " + weighted(cluster) + "\n";
    }

    static std::string weighted(const model::WeightedCluster& cluster) {
        return "{ name: " + yaml_scalar(cluster.name) + ", weight: " + std::to_string(cluster.weight) + " }";
    }

    void clusters(const std::vector<model::Cluster>& clusters) {
        if (clusters.empty()) return;
        begin_list("clusters", false);
        const char* const types[] = {"EDS", "STATIC", "STRICT_DNS", "ORIGINAL_DST"};
        const char* const healths[] = {"HEALTHY", "UNHEALTHY", "DRAINING"};
        for (const auto& cluster : clusters) {
            out_ += "  - name: " + yaml_scalar(cluster.name) + "\n    type: " + types[static_cast<int>(cluster.type)] +
                    "\n";
            if (!cluster.endpoints.empty()) out_ += "    endpoints:\n";
            for (const auto& endpoint : cluster.endpoints)
                out_ += "      - { address: " + yaml_scalar(base::to_string(endpoint.address)) +
                        ", weight: " + std::to_string(endpoint.weight) +
                        ", health: " + healths[static_cast<int>(endpoint.health)] + " }\n";
        }
    }

    const Origins& origins_;
    std::string section_;
    std::string out_;
};

bool is_plain(const std::string& text) {
    if (text.empty() || !(std::isalnum(static_cast<unsigned char>(text[0])) || text[0] == '/')) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        // A colon is plain inside a word: 0.0.0.0:15001.
        const bool inside = c == ':' && i + 1 < text.size();
        if (!(std::isalnum(c) || inside || c == '.' || c == '_' || c == '-' || c == '/')) return false;
    }
    // 9080, 0x10 and 1e5 would be numbers to others.
    const auto is_alnum = [](unsigned char c) { return std::isalnum(c) != 0; };
    if (std::isdigit(static_cast<unsigned char>(text[0])) && std::all_of(text.begin(), text.end(), is_alnum))
        return false;
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const char* const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    return std::none_of(std::begin(words), std::end(words), [&](const char* word) { return lower == word; });
}

}  // namespace

std::string yaml_scalar(const std::string& text) {
    if (is_plain(text)) return text;
    return "\"" + base::escaped(text) + "\"";
}

std::string write_yaml(const model::Mesh& mesh, const Origins& origins, const std::string& heading) {
    Writer writer(origins);
    writer.heading(heading);
    writer.mesh(mesh);
    return writer.take();
}

}  // namespace shunt::importer
