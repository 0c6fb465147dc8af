// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "base/names.h"
#include "cli/command.h"
#include "telemetry/snapshot.h"

namespace shunt::cli {
namespace {

template <class Key>
Json to_object(const std::map<Key, std::uint64_t>& counts) {
    Json out = Json::object();
    for (const auto& [key, count] : counts) out[std::string(base::name(key))] = count;
    return out;
}

template <class Key>
Json to_rows(const std::map<Key, std::uint64_t>& counts, const std::string& title, bool all) {
    Json rows = Json::array();
    for (const auto& [key, count] : counts) {
        if (count == 0 && !all) continue;
        Json row{{title, base::name(key)}};
        if constexpr (std::is_same_v<Key, shunt_reason>) row["verdict"] = base::name(base::verdict_of(key));
        row["count"] = count;
        rows.push_back(std::move(row));
    }
    return rows;
}

base::Result<base::ExitCode> counters(Context& context, bool all) {
    const auto read = telemetry::read_counters(context.paths());
    if (!read) return tl::unexpected<base::Error>(read.error());
    const Json value{{"runs", read->runs()},
                     {"reasons", to_object(read->reasons)},
                     {"lanes", to_object(read->lanes)},
                     {"events", to_object(read->events)}};
    const Json table{{"runs", read->runs()},
                     {"reasons", to_rows(read->reasons, "reason", all)},
                     {"lanes", to_rows(read->lanes, "lane", all)},
                     {"events", to_rows(read->events, "event", all)}};
    context.out.emit(value, table);
    return base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto all = std::make_shared<bool>(false);
    app.add_flag("-a,--all", *all, "Show counters that are 0 too; -o json and yaml always do");
    return [all](Context& context) { return counters(context, *all); };
}

}  // namespace

Command counters_command() {
    return {"counters",
            "Print how often each reason, lane and event occurred",
            "Every connect of a captured cgroup is counted under exactly one reason, so the reasons' sum is the number "
            "of runs. "
            "Lanes say how the original destination of redirected connections travels; events say what the other "
            "programs did "
            "and what failed. All count from the moment the programs were first loaded, over reloads and restarts of "
            "the controller.",
            {{"shunt counters", "what happens on this node"},
             {"shunt counters -o json | jq .reasons.port_listener", "one number, for a script"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
