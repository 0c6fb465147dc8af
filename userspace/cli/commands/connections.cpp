// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "cli/command.h"
#include "cli/connection_line.h"
#include "cli/filters.h"
#include "cli/interrupt.h"

namespace shunt::cli {
namespace {

constexpr std::size_t kBlock = 1 << 16;
constexpr auto kTurn = std::chrono::milliseconds(200);  // how late an interrupt is noticed

struct Options {
    FilterOptions filter;
    pid_t pid = 0;
    bool count = false;
    bool watch = false;
    unsigned interval = 2;
};

// One listing on its way out, in pieces: whoever asks for a quarter of a million lines gets the first ones at once.
class Listing {
public:
    Listing(Output& out, bool one_line) : out_(out), one_line_(one_line) {
        if (out.format() == Format::kTable) text_ = connection_heading();
        if (out.format() == Format::kJson) text_ = one_line ? "[" : "[\n";
    }
    void add(const diagnose::Connection& connection) {
        if (out_.format() == Format::kTable) text_ += connection_row(connection);
        if (out_.format() == Format::kYaml) text_ += render_yaml(Json::array({connection_value(connection)}));
        if (out_.format() == Format::kJson)
            text_ += (rows_ == 0 ? "" : one_line_ ? "," : ",\n") + connection_json(connection);
        ++rows_;
        if (text_.size() >= kBlock) flush();
    }
    void end() {
        if (out_.format() == Format::kJson) text_ += one_line_ || rows_ == 0 ? "]\n" : "\n]\n";
        if (out_.format() == Format::kYaml && rows_ == 0) text_ += "[]\n";
        flush();
    }

private:
    void flush() {
        out_.text(text_);
        text_.clear();
    }
    Output& out_;
    bool one_line_;
    std::string text_;
    std::size_t rows_ = 0;
};

base::Status list(Context& context, const Options& options, const Filter& filter) {
    std::size_t count = 0;
    std::optional<Listing> listing;
    if (!options.count) listing.emplace(context.out, options.watch);
    const auto covered = diagnose::for_each_connection(context.paths(), [&](const diagnose::Connection& connection) {
        if (!filter.destination.matches(connection.original)) return;
        if (!filter.cgroup.empty() && !filter.matches_cgroup(std::string(connection.cgroup))) return;
        if (options.pid != 0 && options.pid != connection.pid) return;
        ++count;
        if (listing && !context.out.closed()) listing->add(connection);
    });
    if (listing) listing->end();
    if (!covered) return tl::unexpected<base::Error>(covered.error());
    if (!covered->installed) return base::fail("nothing is installed; connections are not redirected");
    if (options.count) context.out.emit({{"connections", count}});
    if (covered->namespaces == 0) spdlog::info("no process is in a captured cgroup");
    if (covered->unreadable != 0)
        spdlog::warn("{} of {} network namespaces could not be entered; their connections are missing",
                     covered->unreadable, covered->namespaces);
    return {};
}

base::Status watch(Context& context, const Options& options, const Filter& filter) {
    const Interrupt interrupt;
    auto next = std::chrono::steady_clock::now();
    while (!interrupt.asked() && !context.out.closed()) {
        if (std::chrono::steady_clock::now() < next) {
            std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(
                kTurn, next - std::chrono::steady_clock::now() + std::chrono::milliseconds(1)));
            continue;
        }
        next += std::chrono::seconds(options.interval);
        if (context.out.format() == Format::kTable) {
            const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
            context.out.text(fmt::format("--- {:%Y-%m-%dT%H:%M:%SZ}\n", fmt::gmtime(now)));
        }
        if (auto listed = list(context, options, filter); !listed) return listed;
    }
    return {};
}

base::Result<base::ExitCode> connections(Context& context, const Options& options) {
    const auto filter = read_filter(options.filter);
    if (!filter) return tl::unexpected<base::Error>(filter.error());
    const auto done = options.watch ? watch(context, options, *filter) : list(context, options, *filter);
    if (!done) return tl::unexpected<base::Error>(done.error());
    return base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    add_filter_options(app, options->filter);
    app.add_option("--pid", options->pid, "Only those that this process has open")->type_name("PID");
    app.add_flag("--count", options->count, "Print how many there are");
    CLI::Option* const watched =
        app.add_flag("-w,--watch", options->watch, "Print them again and again, until interrupted");
    app.add_option("--interval", options->interval, "Seconds between the lists of --watch; default: 2")
        ->type_name("SECONDS")
        ->check(CLI::Range(1u, 86400u).description(""))
        ->needs(watched);
    return [options](Context& context) { return connections(context, *options); };
}

}  // namespace

Command connections_command() {
    return {"connections",
            "List the redirected connections that are open now",
            "One line for each redirected connection of the processes in the captured cgroups, seen from the client's "
            "end: process, source, original destination, the address it really goes to, lane, state, age and cgroup. "
            "Taken from the kernel at the time of asking, over all network namespaces of those processes, without the "
            "controller; nothing is recorded for it.\n\n"
            "In the address lane the source 127.A.B.C is part of the destination's code. The age is known in the "
            "record lane only. A dash stands for what cannot be known: a connection that was closed and is still "
            "sending belongs to no process, and a kernel before 5.9 does not tell a socket's cgroup.",
            {{"shunt connections", "all of them"},
             {"shunt connections --to 10.0.3.0/24 --port 3306", "to some destinations"},
             {"shunt connections --count", "how many"},
             {"shunt connections -o json | jq -r '.[].original' | sort | uniq -c | sort -rn | head",
              "the most popular destinations"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
