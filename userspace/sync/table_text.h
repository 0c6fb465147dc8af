// SPDX-License-Identifier: Apache-2.0
// A table key in words, for messages: "map shunt_ports: update 9080/tcp: ...".
#pragma once

#include <string>

#include "shunt/abi.h"

namespace shunt::sync {

std::string to_text(const shunt_scope_key& key);
std::string to_text(const shunt_port_key& key);
std::string to_text(const shunt_cidr4_key& key);
std::string to_text(const shunt_cidr6_key& key);
std::string to_text(const shunt_owner_key& key);
std::string to_text(const shunt_listener_key& key);
std::string to_text(const shunt_split_key& key);
std::string to_text(const shunt_cluster_key& key);
std::string to_text(const shunt_endpoint_key& key);

}  // namespace shunt::sync
