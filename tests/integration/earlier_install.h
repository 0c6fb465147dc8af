// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shunt::harness {

// Makes the installation that an earlier build of shunt left behind, out of that build's own BPF objects and of what
// stood in its tables (earlier/snapshot.sh took them): attached to `cgroup`, pinned below `root`, with no controller.
// It captures everything but 198.51.100.0/24 and 2001:db8:1::/48 for a proxy on port 15001. The folder's name below
// `root`, which is that build's map layout.
std::string install_earlier(const std::string& root, const std::string& cgroup);

}  // namespace shunt::harness
