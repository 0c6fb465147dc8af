// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shunt::harness {

// Named as `ip netns` names them, so that a person can look inside with `ip netns exec`.
void create_netns(const std::string& path);
void remove_netns(const std::string& path);  // no error where there is none

// "net/ipv4/tcp_fastopen" in the calling process's namespace.
void set_sysctl(const std::string& key, const std::string& value);

}  // namespace shunt::harness
