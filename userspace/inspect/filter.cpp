// SPDX-License-Identifier: Apache-2.0
#include "inspect/filter.h"

#include <strings.h>

#include <vector>

namespace shunt::inspect {
namespace {

bool same(const std::optional<std::string>& wanted, const std::string& value) { return !wanted || *wanted == value; }

bool same_letters(const std::optional<std::string>& wanted, const std::string& value) {
    return !wanted || strcasecmp(wanted->c_str(), value.c_str()) == 0;
}

}  // namespace

void apply(const Filter& filter, Rows& rows) {
    std::erase_if(rows.listeners, [&](const ListenerRow& row) {
        return !(same(filter.name, row.name) && same(filter.address, row.address) &&
                 (!filter.port || *filter.port == row.port));
    });
    std::erase_if(rows.routes, [&](const RouteRow& row) { return !same(filter.name, row.name); });
    std::erase_if(rows.clusters, [&](const ClusterRow& row) {
        return !(same_letters(filter.fqdn, row.fqdn) && same_letters(filter.direction, row.direction) &&
                 same(filter.subset, row.subset) && (!filter.port || *filter.port == row.port));
    });
    std::erase_if(rows.endpoints, [&](const EndpointRow& row) {
        return !(same(filter.cluster, row.cluster) && same_letters(filter.status, row.status) &&
                 same(filter.address, base::to_string(row.address.address)) &&
                 (!filter.port || *filter.port == row.address.port));
    });
}

}  // namespace shunt::inspect
