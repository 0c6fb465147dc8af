// SPDX-License-Identifier: Apache-2.0
#include "cli/connection_line.h"

#include <fmt/format.h>

#include "cli/filters.h"

namespace shunt::cli {
namespace {

constexpr const char* kRow = "{:<8} {:<15} {:<23} {:<23} {:<23} {:<8} {:<12} {:<9} {}\n";

double seconds(const std::chrono::nanoseconds& age) { return std::chrono::duration<double>(age).count(); }

std::string or_dash(std::string_view text) { return text.empty() ? "-" : printable(text); }

std::string quoted(std::string_view text) {
    return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string or_null(std::string_view text) { return text.empty() ? "null" : quoted(text); }

}  // namespace

std::string connection_heading() {
    return fmt::format(kRow, "PID", "COMMAND", "SOURCE", "ORIGINAL", "PROXY", "LANE", "STATE", "AGE", "CGROUP");
}

std::string connection_row(const diagnose::Connection& connection) {
    return fmt::format(kRow, connection.pid == 0 ? "-" : std::to_string(connection.pid), or_dash(connection.command),
                       base::to_string(connection.source), base::to_string(connection.original),
                       base::to_string(connection.proxy), connection.lane, connection.state,
                       connection.age ? fmt::format("{:.1f}s", seconds(*connection.age)) : "-",
                       or_dash(connection.cgroup));
}

std::string connection_json(const diagnose::Connection& connection) {
    return fmt::format(
        R"({{"pid":{},"command":{},"source":"{}","original":"{}","proxy":"{}","lane":"{}","state":"{}","ageSeconds":{},"cgroup":{}}})",
        connection.pid == 0 ? "null" : std::to_string(connection.pid), or_null(connection.command),
        base::to_string(connection.source), base::to_string(connection.original), base::to_string(connection.proxy),
        connection.lane, connection.state, connection.age ? fmt::format("{:.3f}", seconds(*connection.age)) : "null",
        or_null(connection.cgroup));
}

Json connection_value(const diagnose::Connection& connection) { return Json::parse(connection_json(connection)); }

}  // namespace shunt::cli
