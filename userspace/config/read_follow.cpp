// SPDX-License-Identifier: Apache-2.0
// What the controller keeps following by itself: the file (watch) and Envoy (source).
#include <charconv>

#include "base/text.h"
#include "config/sections.h"

namespace shunt::config {
namespace {

using std::chrono::milliseconds;

constexpr const char* kDuration = "a time such as 5s, 500ms or 2m, from 100ms to 1h";

base::Result<milliseconds> parse_duration(std::string_view text) {
    const auto wrong = [&] { return base::fail(base::quoted(text) + " is no time; expected " + kDuration); };
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{}) return wrong();
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::int64_t factor = unit == "ms"  ? 1
                                : unit == "s" ? 1000
                                : unit == "m" ? 60'000
                                : unit == "h" ? 3'600'000
                                              : 0;
    if (factor == 0) return wrong();
    const milliseconds out(number * factor);
    if (out < milliseconds(100) || out > std::chrono::hours(1))
        return base::fail(base::quoted(text) + " is out of range; expected " + kDuration);
    return out;
}

base::Result<std::string> parse_admin(std::string_view text) {
    const std::string_view scheme = "http://";
    bool good =
        text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/' && text.size() < 1024;
    for (const char c : text) good = good && static_cast<unsigned char>(c) > ' ' && c != 0x7f;
    if (good) return std::string(text);
    return base::fail(base::quoted(text) +
                      " is no address of an admin port; expected http://HOST:PORT, such as "
                      "http://127.0.0.1:15000");
}

}  // namespace

void read_follow(Problems& problems, const MapReader& root, model::Mesh& mesh) {
    if (const auto watch = root.get("watch")) mesh.watch = read_bool(problems, *watch).value_or(false);
    const auto source = root.get("source");
    if (!source) return;
    const MapReader map(problems, *source, kSourceKeys);
    const auto envoy = map.require("envoy", "a map with admin and interval");
    if (!envoy) return;
    const MapReader keys(problems, *envoy, kEnvoyKeys);
    model::EnvoySource out;
    if (const auto admin = keys.require("admin", "the admin port, such as http://127.0.0.1:15000"))
        out.admin = read_parsed(problems, *admin, "http://HOST:PORT", parse_admin).value_or("");
    if (const auto interval = keys.get("interval"))
        out.interval = read_parsed(problems, *interval, kDuration, parse_duration).value_or(out.interval);
    mesh.source = std::move(out);
    for (const char* key : {"listeners", "routes", "clusters"})
        if (const auto written = root.get(key))
            problems.error(written->place(), "besides source.envoy, which gives them; expected one of the two");
}

}  // namespace shunt::config
