// SPDX-License-Identifier: Apache-2.0
#include <sys/un.h>

#include "base/text.h"
#include "config/metrics_listener.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

constexpr const char* kExpected = "a loopback address such as 127.0.0.1:9464, or the path of a socket";
constexpr std::size_t kLongestPath = sizeof(sockaddr_un{}.sun_path) - 1;

base::Result<model::MetricsListener> parse_path(std::string_view text) {
    const auto wrong = [&](const std::string& what) {
        return base::fail(base::quoted(text) + what + "; expected " + kExpected);
    };
    if (text.find('\0') != std::string_view::npos) return wrong(" is not a path");
    if (text.size() > kLongestPath)
        return wrong(" is longer than the " + std::to_string(kLongestPath) + " bytes a socket's path may have");
    if (text.ends_with('/')) return wrong(" is a directory");
    return model::MetricsListener{std::string(text), std::nullopt};
}

}  // namespace

base::Result<model::MetricsListener> parse_metrics_listener(std::string_view text, Reach reach,
                                                            std::string_view permission) {
    if (text.starts_with('/')) return parse_path(text);
    if (text.find(':') == std::string_view::npos)
        return base::fail(base::quoted(text) +
                          " is neither an address with a port nor the path of a socket; expected " + kExpected);
    const auto address = base::parse_socket_address(text);
    if (!address) return tl::unexpected<base::Error>(address.error());
    if (reach == Reach::kLoopback && !address->address.is_loopback())
        return base::fail(base::to_string(*address) +
                          " is not loopback, and whoever reaches it may read the metrics; " +
                          "expected a loopback address, the path of a socket, or " + std::string(permission));
    return model::MetricsListener{{}, *address};
}

void read_metrics(Problems& problems, const Value& value, std::optional<model::MetricsListener>& metrics) {
    const MapReader map(problems, value, kMetricsKeys);
    const auto beyond = map.get("beyondLoopback");
    const auto may = beyond ? read_bool(problems, *beyond) : std::optional(false);
    const auto listen = map.require("listen", kExpected);
    if (!listen) return;
    // Where beyondLoopback cannot be read, that alone is reported.
    const auto reach = may.value_or(true) ? Reach::kBeyond : Reach::kLoopback;
    metrics = read_parsed(problems, *listen, kExpected, [&](std::string_view text) {
        return parse_metrics_listener(text, reach, "beyondLoopback: true besides");
    });
    if (metrics && metrics->address &&
        !check_unicast(problems, listen->place(), metrics->address->address, Unspecified::kAllowed))
        metrics.reset();
}

}  // namespace shunt::config
