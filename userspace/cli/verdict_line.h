// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/net.h"
#include "cli/output.h"
#include "shunt/abi.h"

namespace shunt::cli {

base::SocketAddress destination_of(const shunt_verdict_event& event);

// realtime_offset_ns: kernel::realtime_offset_ns(). cgroup: its path, empty where it is gone.
// 21:40:01.123 redirect 198.51.100.7:9080 curl[4711] unmatched address /mesh/app (local time)
std::string verdict_line(const shunt_verdict_event& event, std::int64_t realtime_offset_ns, const std::string& cgroup);
Json verdict_json(const shunt_verdict_event& event, std::int64_t realtime_offset_ns, const std::string& cgroup);

}  // namespace shunt::cli
