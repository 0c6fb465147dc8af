// SPDX-License-Identifier: Apache-2.0
// What each kind of entry says, before names are put together. Each function returns what is wrong with its entry.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "importer/envoy.h"
#include "importer/envoy_entries.h"
#include "importer/envoy_fields.h"

namespace shunt::importer {

// The same remark for thousands of entries is one, with the first of them as the example.
class RemarkBook {
public:
    void add(bool differs, const std::string& what, const std::string& example);
    std::vector<Remark> take();

private:
    struct Page {
        bool differs = false;
        std::string example;
        std::size_t count = 0;
    };
    std::map<std::string, Page> pages_;
};

struct ParsedCluster {
    model::Cluster cluster;
    std::string endpoints_name;  // under which the endpoints are given
};

struct EnvoyParts {
    EnvoyConfig config;  // clusters is filled in at the end
    std::vector<ParsedCluster> clusters;
    std::unordered_map<std::string, std::vector<model::Endpoint>> endpoints;  // by cluster or service name
    RemarkBook remarks;
};

std::string read_listener(Entry&& entry, EnvoyParts& parts);   // envoy_listener.cpp
std::string read_route(Entry&& entry, EnvoyParts& parts);      // envoy_route.cpp
std::string read_cluster(Entry&& entry, EnvoyParts& parts);    // envoy_cluster.cpp
std::string read_endpoints(Entry&& entry, EnvoyParts& parts);  // envoy_cluster.cpp

// Of a route configuration, also where it is written within a listener.
model::Route route_of(const EnvoyJson& value, Fields& fields, RemarkBook& remarks);
// `cluster` or `weighted_clusters` of a route or of the TCP proxy; empty where it has neither.
std::vector<model::WeightedCluster> clusters_of(const EnvoyJson& value, Fields& fields);

std::string lower(std::string text);       // ASCII, as domains are compared
bool is_inbound(const std::string& name);  // "inbound|9080||"

}  // namespace shunt::importer
