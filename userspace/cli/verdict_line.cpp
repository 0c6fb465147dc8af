// SPDX-License-Identifier: Apache-2.0
#include "cli/verdict_line.h"

#include <endian.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <string_view>

#include "base/names.h"
#include "cli/filters.h"

namespace shunt::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string_view command_of(const shunt_verdict_event& event) {
    return {event.comm, strnlen(event.comm, sizeof event.comm)};
}

// The programs had no settings, and did not look where the connection goes.
bool is_unknown(const base::SocketAddress& destination) {
    return destination.port == 0 && destination.address == base::Address{};
}

std::string text_of(const base::SocketAddress& destination) {
    return is_unknown(destination) ? "-" : base::to_string(destination);
}

std::string cgroup_text(const std::string& path, std::uint64_t id) {
    return path.empty() ? fmt::format("cgroup-id-{}", id) : path;
}

}  // namespace

base::SocketAddress destination_of(const shunt_verdict_event& event) {
    return {base::Address::from_abi(event.dst), be16toh(event.port_be)};
}

std::string verdict_line(const shunt_verdict_event& event, std::int64_t realtime_offset_ns, const std::string& cgroup) {
    const auto ns = static_cast<std::int64_t>(event.time_ns) + realtime_offset_ns;
    const std::time_t seconds = ns / kSecond;
    std::tm local{};
    localtime_r(&seconds, &local);
    const auto process = fmt::format("{}[{}]", printable(command_of(event)), event.pid);
    return fmt::format("{:%H:%M:%S}.{:03} {:<8} {:<21} {:<14} {} {} {}\n", local, ns % kSecond / 1'000'000,
                       base::name(base::verdict_of(event.reason)), text_of(destination_of(event)), process,
                       base::name(event.reason), event.lane == SHUNT_LANE_NONE ? "-" : base::name(event.lane),
                       printable(cgroup_text(cgroup, event.cgroup_id)));
}

Json verdict_json(const shunt_verdict_event& event, std::int64_t realtime_offset_ns, const std::string& cgroup) {
    const auto ns = static_cast<std::int64_t>(event.time_ns) + realtime_offset_ns;
    const std::time_t seconds = ns / kSecond;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    const auto destination = destination_of(event);
    Json json{{"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", utc, ns % kSecond / 1000)},
              {"pid", event.pid},
              {"command", std::string(command_of(event))},
              {"cgroup", nullptr},
              {"cgroupId", event.cgroup_id},
              {"verdict", base::name(base::verdict_of(event.reason))},
              {"reason", base::name(event.reason)},
              {"destination", nullptr},
              {"lane", nullptr}};
    if (!cgroup.empty()) json["cgroup"] = cgroup;
    if (!is_unknown(destination)) json["destination"] = base::to_string(destination);
    if (event.lane != SHUNT_LANE_NONE) json["lane"] = base::name(event.lane);
    return json;
}

}  // namespace shunt::cli
