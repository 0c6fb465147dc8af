// SPDX-License-Identifier: Apache-2.0
#include <unordered_set>

#include "importer/envoy_parts.h"

namespace shunt::importer {
namespace {

using model::ClusterType;
using model::Health;

std::optional<ClusterType> type_of(const std::string& type) {
    if (type.empty() || type == "STATIC" || type == "envoy.cluster.static") return ClusterType::kStatic;
    if (type == "EDS" || type == "envoy.cluster.eds") return ClusterType::kEds;
    if (type == "ORIGINAL_DST" || type == "envoy.cluster.original_dst") return ClusterType::kOriginalDst;
    for (const char* dns : {"STRICT_DNS", "LOGICAL_DNS", "envoy.cluster.strict_dns", "envoy.cluster.logical_dns",
                            "envoy.clusters.dns", "envoy.cluster.dns"})
        if (type == dns) return ClusterType::kStrictDns;
    return std::nullopt;
}

Health health_of(const std::string& status) {
    if (status == "UNHEALTHY" || status == "TIMEOUT") return Health::kUnhealthy;
    return status == "DRAINING" ? Health::kDraining : Health::kHealthy;
}

bool is_unicast(const base::Address& address) {
    const bool link_local = !address.is_v4() && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
    const bool broadcast = address.is_v4() && address.v4_host_order() == 0xffffffffu;
    return !address.is_unspecified() && !address.is_multicast() && !broadcast && !link_local;
}

// Endpoints without an IP address (pipes, names to be resolved, Envoy's internal listeners) are not connect()'s.
std::vector<model::Endpoint> endpoints_of(const EnvoyJson& assignment, const std::string& cluster, Fields& fields,
                                          RemarkBook& remarks) {
    std::vector<model::Endpoint> list;
    std::unordered_set<std::string> seen;
    for (const auto& locality : fields.list(assignment, "endpoints")) {
        const bool failover = fields.number(locality, "priority", 0, 0xffffffff) > 0;
        for (const auto& item : fields.list(locality, "lb_endpoints")) {
            if (!item.is_object()) fields.wrong("lb_endpoints", "no object; expected an endpoint");
            const auto* inner = fields.object(item, "endpoint");
            const auto address = inner ? fields.socket_address(*inner, "address") : std::nullopt;
            const auto weight = fields.number(item, "load_balancing_weight", 1, 0xffffffff);
            const auto health = health_of(fields.text(item, "health_status"));
            if (!address) continue;
            if (failover) {
                remarks.add(true, "endpoints of a lower priority, for failover: left out", cluster);
            } else if (!is_unicast(address->address)) {
                remarks.add(true, "an endpoint that is no unicast address: left out", cluster);
            } else if (seen.insert(base::to_string(*address)).second) {
                list.push_back({*address, static_cast<std::uint32_t>(weight == 0 ? 1 : weight), health, {}});
            }
        }
    }
    return list;
}

}  // namespace

std::string read_cluster(Entry&& entry, EnvoyParts& parts) {
    Fields fields(entry.place);
    const auto* value = fields.object(entry.value, "cluster");
    if (!value) return fields.error();
    ParsedCluster out;
    out.cluster.name = fields.name(*value, "name");
    std::string written = fields.text(*value, "type");
    if (const auto* custom = fields.object(*value, "cluster_type")) written = fields.text(*custom, "name");
    const auto type = type_of(written);
    if (out.cluster.name.empty() || is_inbound(out.cluster.name)) return fields.error();
    if (!type) {
        parts.remarks.add(true, "a cluster of type " + written + ", and what leads to it: left out", out.cluster.name);
        return fields.error();
    }
    out.cluster.type = *type;
    if (const auto* eds = fields.object(*value, "eds_cluster_config"))
        out.endpoints_name = fields.text(*eds, "service_name");
    if (out.endpoints_name.empty()) out.endpoints_name = out.cluster.name;
    if (const auto* assignment = fields.object(*value, "load_assignment");
        assignment && *type != ClusterType::kOriginalDst)
        out.cluster.endpoints = endpoints_of(*assignment, out.cluster.name, fields, parts.remarks);
    parts.clusters.push_back(std::move(out));
    return fields.error();
}

std::string read_endpoints(Entry&& entry, EnvoyParts& parts) {
    Fields fields(entry.place);
    if (const auto* value = fields.object(entry.value, "endpoint_config")) {
        const std::string name = fields.text(*value, "cluster_name");
        if (!is_inbound(name)) {
            auto list = endpoints_of(*value, name, fields, parts.remarks);
            auto& known = parts.endpoints[name];
            if (known.empty()) known = std::move(list);
        }
    }
    return fields.error();
}

}  // namespace shunt::importer
