// SPDX-License-Identifier: Apache-2.0
#include "sync/table_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

#include "base/net.h"

namespace shunt::sync {

std::string to_text(const shunt_scope_key& key) {
    return key.cgroup_id == 0 ? "base scope" : "scope of cgroup " + std::to_string(key.cgroup_id);
}

std::string to_text(const shunt_port_key& key) { return std::to_string(ntohs(key.port_be)) + "/tcp"; }

std::string to_text(const shunt_cidr4_key& key) {
    return base::to_string(base::Address::v4(ntohl(key.addr_be))) + "/" + std::to_string(key.prefix_len - 32);
}

std::string to_text(const shunt_cidr6_key& key) {
    base::Address address;
    std::memcpy(address.bytes.data(), key.addr_be, 16);
    return base::to_string(address) + "/" + std::to_string(key.prefix_len - 32);
}

std::string to_text(const shunt_owner_key& key) {
    return (key.kind == SHUNT_OWNER_UID ? "uid " : "gid ") + std::to_string(key.id);
}

std::string to_text(const shunt_listener_key& key) {
    return base::to_string(base::SocketAddress{base::Address::from_abi(key.addr), ntohs(key.port_be)});
}

std::string to_text(const shunt_split_key& key) {
    return fmt::format("listener {:08x}, weighted cluster {}", key.listener, key.index);
}

std::string to_text(const shunt_cluster_key& key) {
    return fmt::format("cluster {:08x}, IPv{}", key.cluster, key.family);
}

std::string to_text(const shunt_endpoint_key& key) {
    return fmt::format("cluster {:08x}, IPv{}, endpoint {}", key.cluster, key.family, key.index);
}

}  // namespace shunt::sync
