// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <thread>

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

template <class Key>
std::map<Key, std::uint64_t> grown(const std::map<Key, std::uint64_t>& now,
                                   const std::map<Key, std::uint64_t>& before) {
    std::map<Key, std::uint64_t> out;
    for (const auto& [key, count] : now) {
        const auto earlier = before.find(key);
        // Fewer than before: installed anew meanwhile, and all of it is new.
        const std::uint64_t base = earlier != before.end() && earlier->second <= count ? earlier->second : 0;
        if (count != base) out[key] = count - base;
    }
    return out;
}

template <class Key>
std::string in_words(const std::map<Key, std::uint64_t>& counts) {
    std::string out;
    for (const auto& [key, count] : counts) out += fmt::format("  {} {}", base::name(key), count);
    return out;
}

void print_growth(Context& context, const telemetry::Counters& growth) {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const std::string time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
    if (context.out.format() == Format::kTable)
        return context.out.text(fmt::format("{}  runs {}{}{}{}\n", time, growth.runs(), in_words(growth.reasons),
                                            in_words(growth.lanes), in_words(growth.events)));
    context.out.record({{"time", time},
                        {"runs", growth.runs()},
                        {"reasons", to_object(growth.reasons)},
                        {"lanes", to_object(growth.lanes)},
                        {"events", to_object(growth.events)}});
}

// The first line is everything since the load, so that the lines' sum is what `counters` prints.
base::Result<base::ExitCode> watch(Context& context, unsigned interval) {
    telemetry::Counters before;
    for (;;) {
        auto now = telemetry::read_counters(context.paths());
        if (!now) return tl::unexpected<base::Error>(now.error());
        print_growth(context, {grown(now->reasons, before.reasons), grown(now->lanes, before.lanes),
                               grown(now->events, before.events)});
        if (context.out.closed()) return base::ExitCode::kOk;
        before = std::move(*now);
        std::this_thread::sleep_for(std::chrono::seconds(interval));
    }
}

Action define(CLI::App& app) {
    auto all = std::make_shared<bool>(false);
    auto watching = std::make_shared<bool>(false);
    auto interval = std::make_shared<unsigned>(1);
    CLI::Option* const everything =
        app.add_flag("-a,--all", *all, "Show counters that are 0 too; -o json and yaml always do");
    CLI::Option* const watched =
        app.add_flag("-w,--watch", *watching, "Print a line of what grew, again and again, until interrupted")
            ->excludes(everything);
    app.add_option("--interval", *interval, "Seconds between the lines of --watch; default: 1")
        ->type_name("SECONDS")
        ->check(CLI::Range(1u, 86400u).description(""))
        ->needs(watched);
    return [all, watching, interval](Context& context) {
        return *watching ? watch(context, *interval) : counters(context, *all);
    };
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
             {"shunt counters -o json | jq .reasons.port_listener", "one number, for a script"},
             {"shunt counters --watch --interval 10", "what happens now; the first line is everything since the load"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
