// SPDX-License-Identifier: Apache-2.0
// Lines of `shunt pc` as data, and as tables with the columns of istioctl proxy-config.
#pragma once

#include "cli/output.h"
#include "inspect/difference.h"
#include "inspect/rows.h"

namespace shunt::cli {

Json to_json(const std::vector<inspect::Share>& shares);  // [{"cluster", "weight", "percent"}]
std::string to_text(const inspect::Share& share);         // "CLUSTER 40%"

Json to_json(const std::vector<inspect::ListenerRow>& rows);
Json to_json(const std::vector<inspect::RouteRow>& rows);
Json to_json(const std::vector<inspect::ClusterRow>& rows);
Json to_json(const std::vector<inspect::EndpointRow>& rows);

// `brief`: istioctl's columns and no others.
Json to_table(const std::vector<inspect::ListenerRow>& rows, bool brief);
Json to_table(const std::vector<inspect::RouteRow>& rows, bool brief);
Json to_table(const std::vector<inspect::ClusterRow>& rows, bool brief);
Json to_table(const std::vector<inspect::EndpointRow>& rows, bool brief);

Json to_json(const std::vector<inspect::Difference>& differences);

}  // namespace shunt::cli
