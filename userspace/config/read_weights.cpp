// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

// Sets `complete` to false where there is no weight that could be read.
model::WeightedCluster read_weighted_cluster(Problems& problems, const Value& value, Unique<std::string>& names,
                                             bool& complete) {
    const MapReader map(problems, value, {"name", "weight"});
    model::WeightedCluster cluster;
    cluster.place = value.place();
    if (const auto name = map.require("name", "the name of a cluster")) {
        cluster.name = read_name(problems, *name, "the name of a cluster").value_or("");
        cluster.place = name->place();
        if (!cluster.name.empty()) names.add(cluster.name, name->place(), "cluster " + cluster.name);
    }
    const auto text = map.require("weight", "a weight, 0-4294967295");
    const auto weight = text ? read_number(problems, *text, 0, 0xffffffff, "a weight, 0-4294967295") : std::nullopt;
    cluster.weight = weight.value_or(0);
    complete = complete && weight;
    return cluster;
}

}  // namespace

std::vector<model::WeightedCluster> read_weighted_clusters(Problems& problems, const Value& value,
                                                           const std::optional<Value>& total_weight) {
    std::vector<model::WeightedCluster> clusters;
    const auto items = read_list(problems, value, "a list of {name, weight}");
    if (value.node->kind == Node::Kind::kList && items.empty())
        problems.error(value.place(), "an empty list; expected at least one {name, weight}");
    Unique<std::string> names(problems);
    bool complete = !items.empty();
    clusters.reserve(items.size());
    for (const auto& item : items) clusters.push_back(read_weighted_cluster(problems, item, names, complete));
    std::uint64_t sum = 0;
    for (const auto& cluster : clusters) sum += cluster.weight;
    // Envoy's limit; shares are computed in 32 bits.
    if (sum > 0xffffffff)
        problems.error(value.place(), "the weights add up to " + std::to_string(sum) + "; expected at most 4294967295");
    if (sum == 0 && complete) problems.error(value.place(), "the weights add up to 0; expected at least one above 0");
    if (!total_weight) return clusters;
    const auto total = read_number(problems, *total_weight, 1, 0xffffffff, "the sum of the weights");
    if (total && complete && *total != sum)
        problems.error(total_weight->place(), std::to_string(*total) + " is not what the weights add up to; expected " +
                                                  std::to_string(sum) + ", or no totalWeight");
    return clusters;
}

}  // namespace shunt::config
