// SPDX-License-Identifier: Apache-2.0
#include "cli/pc_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace shunt::cli {
namespace {

double rounded(double percent) { return std::round(percent * 100) / 100; }

// "Route: 9080", "Cluster: NAME", or every share of several.
std::string destination(const inspect::ListenerRow& row) {
    if (!row.route.empty()) return "Route: " + row.route;
    if (row.clusters.empty()) return "";
    if (row.unmatched) return row.clusters.front().cluster;
    if (row.clusters.size() == 1) return "Cluster: " + row.clusters.front().cluster;
    std::string text = "Cluster: ";
    for (const auto& share : row.clusters) text += (&share == &row.clusters.front() ? "" : ", ") + to_text(share);
    return text;
}

// As istioctl cuts it: two domains, and how many more there are.
std::string few(const std::vector<std::string>& domains) {
    constexpr std::size_t kShown = 2;
    std::string text;
    for (std::size_t i = 0; i < std::min(kShown, domains.size()); ++i) text += (i == 0 ? "" : ", ") + domains[i];
    return domains.size() > kShown ? fmt::format("{} + {} more...", text, domains.size() - kShown) : text;
}

bool any_scope(const std::vector<inspect::ListenerRow>& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return !row.scope.empty(); });
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
Json or_null(const std::optional<std::uint64_t>& number) { return number ? Json(*number) : Json(nullptr); }
Json port_or_null(std::uint16_t port) { return port == 0 ? Json(nullptr) : Json(port); }

// Rows of a configuration have no hits, so they have no such column.
template <class Row>
bool any_hits(const std::vector<Row>& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.hits.has_value(); });
}

std::string hits_text(const std::optional<std::uint64_t>& hits) { return hits ? std::to_string(*hits) : ""; }

// In tables a port stands to the left, as istioctl has it.
std::string port_text(std::uint16_t port) { return port == 0 ? "" : std::to_string(port); }

}  // namespace

std::string to_text(const inspect::Share& share) {
    return fmt::format("{} {:g}%", share.cluster, rounded(share.percent));
}

Json to_json(const std::vector<inspect::Share>& shares) {
    Json list = Json::array();
    for (const auto& share : shares)
        list.push_back({{"cluster", share.cluster}, {"weight", share.weight}, {"percent", rounded(share.percent)}});
    return list;
}

Json to_json(const std::vector<inspect::ListenerRow>& rows) {
    Json list = Json::array();
    for (const auto& row : rows)
        list.push_back({{"scope", or_null(row.scope)},
                        {"name", row.name},
                        {"address", row.address},
                        {"port", row.port},
                        {"match", "ALL"},
                        {"destination", or_null(destination(row))},
                        {"route", or_null(row.route)},
                        {"clusters", to_json(row.clusters)},
                        {"kernel", row.kernel},
                        {"hits", or_null(row.hits)}});
    return list;
}

Json to_json(const std::vector<inspect::RouteRow>& rows) {
    Json list = Json::array();
    for (const auto& row : rows)
        list.push_back({{"name", row.name},
                        {"domains", row.domains},
                        {"match", "/*"},
                        {"virtualService", row.virtual_host},
                        {"clusters", to_json(row.clusters)}});
    return list;
}

Json to_json(const std::vector<inspect::ClusterRow>& rows) {
    Json list = Json::array();
    for (const auto& row : rows)
        list.push_back({{"name", row.name},
                        {"serviceFqdn", or_null(row.fqdn)},
                        {"port", port_or_null(row.port)},
                        {"subset", or_null(row.subset)},
                        {"direction", or_null(row.direction)},
                        {"type", or_null(row.type)},
                        {"endpoints", row.endpoints},
                        {"healthy", row.healthy},
                        {"hits", or_null(row.hits)}});
    return list;
}

Json to_json(const std::vector<inspect::EndpointRow>& rows) {
    Json list = Json::array();
    for (const auto& row : rows)
        list.push_back({{"endpoint", base::to_string(row.address)},
                        {"status", row.status},
                        {"weight", row.weight},
                        {"cluster", row.cluster}});
    return list;
}

Json to_table(const std::vector<inspect::ListenerRow>& rows, bool brief) {
    Json list = Json::array();
    const bool scopes = any_scope(rows);
    const bool hits = any_hits(rows);
    for (const auto& row : rows) {
        Json line;
        if (scopes) line["scope"] = row.scope;
        line["address"] = row.address;
        line["port"] = port_text(row.port);
        line["match"] = "ALL";
        line["destination"] = destination(row);
        if (!brief) {
            line["kernel"] = row.kernel;
            if (hits) line["hits"] = hits_text(row.hits);
            line["name"] = row.name;
        }
        list.push_back(std::move(line));
    }
    return list;
}

Json to_table(const std::vector<inspect::RouteRow>& rows, bool brief) {
    Json list = Json::array();
    for (const auto& row : rows) {
        Json line{{"name", row.name},
                  {"domains", brief ? Json(few(row.domains)) : Json(row.domains)},
                  {"match", "/*"},
                  {"virtualService", row.virtual_host}};
        if (!brief) {
            line["clusters"] = Json::array();
            for (const auto& share : row.clusters) line["clusters"].push_back(to_text(share));
        }
        list.push_back(std::move(line));
    }
    return list;
}

Json to_table(const std::vector<inspect::ClusterRow>& rows, bool brief) {
    Json list = Json::array();
    const bool hits = any_hits(rows);
    for (const auto& row : rows) {
        Json line{{"serviceFqdn", row.fqdn}, {"port", port_text(row.port)},
                  {"subset", row.subset},    {"direction", row.direction},
                  {"type", row.type},        {"destinationRule", ""}};
        if (!brief) line["healthy"] = fmt::format("{}/{}", row.healthy, row.endpoints);
        if (!brief && hits) line["hits"] = hits_text(row.hits);
        list.push_back(std::move(line));
    }
    return list;
}

Json to_table(const std::vector<inspect::EndpointRow>& rows, bool brief) {
    Json list = Json::array();
    for (const auto& row : rows) {
        // An endpoint that fails the outlier check is UNHEALTHY here; of the others nothing more is known.
        Json line{{"endpoint", base::to_string(row.address)},
                  {"status", row.status},
                  {"outlierCheck", row.status == "HEALTHY" ? "OK" : ""},
                  {"cluster", row.cluster}};
        if (!brief) line["weight"] = row.weight;
        list.push_back(std::move(line));
    }
    return list;
}

Json to_json(const std::vector<inspect::Difference>& differences) {
    Json list = Json::array();
    for (const auto& difference : differences)
        list.push_back({{"what", difference.what},
                        {"key", difference.key},
                        {"configuration", or_null(difference.configuration)},
                        {"kernel", or_null(difference.kernel)}});
    return list;
}

}  // namespace shunt::cli
