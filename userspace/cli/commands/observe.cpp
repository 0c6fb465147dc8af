// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

#include "base/names.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/filters.h"
#include "cli/interrupt.h"
#include "cli/verdict_line.h"
#include "kernel/observer.h"
#include "telemetry/cgroup_paths.h"
#include "telemetry/layout.h"

namespace shunt::cli {
namespace {

using base::ExitCode;
using Clock = std::chrono::steady_clock;

constexpr auto kTurn = std::chrono::milliseconds(200);  // how late an end of the reader or of the time is noticed
constexpr std::size_t kBlock = 65536;

struct Options {
    bool follow = false;
    std::uint32_t seconds = 5;
    std::optional<std::uint32_t> last;
    std::vector<std::string> verdicts, reasons;
    FilterOptions filter;
    std::uint32_t sample = 1;
    std::uint32_t rate = 10000;
};

// The bits of all reasons for which `fits` holds; a word that names none is a usage error with the nearest one.
template <class Enum>
base::Result<std::uint64_t> bits_of(const std::vector<std::string>& words, const char* option, Enum end,
                                    Enum (*key)(shunt_reason)) {
    std::uint64_t bits = 0;
    std::vector<std::string_view> valid;
    for (int i = 1; i < static_cast<int>(end); ++i) valid.push_back(base::name(static_cast<Enum>(i)));
    for (const auto& word : words) {
        if (std::find(valid.begin(), valid.end(), word) == valid.end())
            return base::fail(
                fmt::format("{}: unknown {}{}", option, base::quoted(word), base::did_you_mean(word, valid)),
                ExitCode::kUsage);
        for (int i = 1; i < SHUNT_REASON_MAX; ++i)
            if (base::name(key(static_cast<shunt_reason>(i))) == word) bits |= 1ull << i;
    }
    return words.empty() ? ~0ull : bits;
}

base::Result<std::uint64_t> wanted_reasons(const Options& options) {
    auto reasons = bits_of<shunt_reason>(options.reasons, "--reason", SHUNT_REASON_MAX,
                                         [](shunt_reason reason) { return reason; });
    if (!reasons) return reasons;
    auto verdicts = bits_of<shunt_verdict>(options.verdicts, "--verdict",
                                           static_cast<shunt_verdict>(SHUNT_VERDICT_REFUSE + 1), base::verdict_of);
    if (!verdicts) return verdicts;
    if (!options.verdicts.empty() && !options.reasons.empty() && (*reasons & *verdicts) == 0)
        return base::fail("--reason and --verdict together leave nothing: a reason belongs to one verdict",
                          ExitCode::kUsage);
    return *reasons & *verdicts;
}

// Verdicts on their way to standard output.
class Stream {
public:
    Stream(Output& out, const Filter& filter, std::optional<std::uint32_t> keep)
        : out_(out), filter_(filter), keep_(keep) {}

    // False: enough for now, what is there should be written.
    bool take(const shunt_verdict_event& event, std::int64_t offset_ns) {
        if (!filter_.destination.matches(destination_of(event))) return true;
        const auto& cgroup = names_.of(event.cgroup_id);
        if (!filter_.matches_cgroup(cgroup)) return true;
        auto line =
            out_.format() == Format::kJson
                ? verdict_json(event, offset_ns, cgroup).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
                : verdict_line(event, offset_ns, cgroup);
        if (!keep_) {
            block_ += line;
            return block_.size() < kBlock;
        }
        kept_.push_back(std::move(line));
        if (kept_.size() > *keep_) kept_.pop_front();
        return true;
    }
    // False: a pipe is full, and did not take all within a turn.
    bool flush() {
        std::size_t at = 0;
        while (at < block_.size() && out_.ready(kTurn)) {
            // Whole lines, each of which is much shorter than that: who gives up waiting leaves no half one.
            const auto end = block_.rfind('\n', at + Output::kWithoutWaiting - 1) + 1;
            out_.text(std::string_view(block_).substr(at, end - at));
            at = end;
        }
        block_.erase(0, at);
        return block_.empty();
    }
    // --last: its time is over. What was kept is printed, and what comes now as it comes.
    void stop_keeping() {
        for (const auto& line : kept_) block_ += line;
        kept_.clear();
        keep_.reset();
    }
    std::uint64_t unwritten() const {
        return static_cast<std::uint64_t>(std::count(block_.begin(), block_.end(), '\n'));
    }

private:
    Output& out_;
    const Filter& filter_;
    std::optional<std::uint32_t> keep_;
    std::deque<std::string> kept_;
    std::string block_;
    telemetry::CgroupNames names_;
};

// What was not sent; empty where all was.
std::string losses(const kernel::ObserverCounts& counts) {
    std::string text;
    const auto add = [&](std::uint64_t count, const std::string& why) {
        if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + why;
    };
    add(counts.sampled_out, "left out by --sample");
    add(counts.limited, "over --rate");
    add(counts.lost, "lost because they were not read fast enough");
    const auto blind = std::chrono::duration_cast<std::chrono::milliseconds>(counts.not_looking).count();
    if (blind > 0)
        text += (text.empty() ? "" : ", ") + fmt::format("all of {} ms in which this process was stopped", blind);
    return text;
}

base::Status watch(kernel::Observer& observer, Stream& stream, const Options& options, const Output& out) {
    const Interrupt interrupt;
    const auto end = Clock::now() + std::chrono::seconds(options.seconds);
    auto told = Clock::now();
    std::string told_losses;
    base::Status status;
    while (!interrupt.asked() && !out.closed()) {
        if (Clock::now() >= end) {
            stream.stop_keeping();
            if (!options.follow) break;
        }
        if (!observer.installed()) {
            status = base::fail("shunt was uninstalled meanwhile");
            break;
        }
        if (stream.flush()) {
            const auto offset = kernel::realtime_offset_ns();
            const auto turn = Clock::now() + kTurn;
            status = observer.read(
                kTurn, [&](const auto& event) { return stream.take(event, offset) && Clock::now() < turn; });
            if (!status) break;
        }
        if (Clock::now() - told < std::chrono::seconds(1)) continue;
        told = Clock::now();
        if (auto now = losses(observer.counts()); now != told_losses) spdlog::warn("not shown: {}", told_losses = now);
    }
    stream.stop_keeping();
    stream.flush();
    return status;
}

base::Result<ExitCode> observe(Context& context, const Options& options) {
    const auto reasons = wanted_reasons(options);
    if (!reasons) return tl::unexpected<base::Error>(reasons.error());
    const auto filter = read_filter(options.filter);
    if (!filter) return tl::unexpected<base::Error>(filter.error());
    const auto layout = telemetry::find_layout(context.paths());
    if (!layout) return tl::unexpected<base::Error>(layout.error());
    if (layout->directory.empty()) return base::fail("nothing is installed below " + layout->root);
    auto observer = kernel::Observer::start(
        layout->directory,
        {.reasons = *reasons, .port = filter->destination.port, .sample = options.sample, .per_second = options.rate});
    if (!observer) return tl::unexpected<base::Error>(observer.error());
    if (options.follow)
        spdlog::info("watching until interrupted");
    else
        spdlog::info("watching for {} s", options.seconds);
    Stream stream(context.out, *filter, options.last);
    const auto watched = watch(**observer, stream, options, context.out);
    const auto counts = (*observer)->counts();
    auto missing = losses(counts);
    const auto in_ring = counts.seen - counts.sampled_out - counts.limited - counts.lost - counts.read;
    if (const auto unwritten = in_ring + stream.unwritten(); unwritten != 0 && !context.out.closed())
        missing += fmt::format("{}{} that nobody read in time", missing.empty() ? "" : ", ", unwritten);
    if (!missing.empty()) spdlog::warn("{} verdicts were wanted; not shown: {}", counts.seen, missing);
    if (!watched) return tl::unexpected<base::Error>(watched.error());
    return ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    app.add_flag("-f,--follow", options->follow, "Go on until interrupted");
    app.add_option("--for", options->seconds, "How long to watch, without -f; default: 5")->type_name("SECONDS");
    app.add_option("--last", options->last, "Of that time, print the last N only, at its end")->type_name("N");
    app.add_option("--verdict", options->verdicts, "Only these: bypass, redirect, balance, refuse; may be repeated")
        ->type_name("WORD")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--reason", options->reasons, "Only these, as 'shunt counters -a' names them; may be repeated")
        ->type_name("WORD")
        ->delimiter(',')
        ->allow_extra_args(false);
    add_filter_options(app, options->filter);
    app.add_option("--sample", options->sample, "One in N, taken at random; default: 1, each")
        ->type_name("N")
        ->check(CLI::Range(1u, 1000000000u).description(""));
    app.add_option("--rate", options->rate, "At most N in a second; default: 10000; 0: no limit")->type_name("N");
    return [options](Context& context) { return observe(context, *options); };
}

}  // namespace

Command observe_command() {
    return {
        "observe",
        "Watch verdicts as they fall",
        "Prints a line for each connect() of the captured cgroups: time, verdict, destination as dialled, process, "
        "reason, lane, cgroup of the process. Nothing is recorded while nobody watches, so there is no history: it "
        "watches for 5 seconds, or with -f until it is interrupted. The programs drop what --verdict, --reason, "
        "--port, --sample and --rate exclude; --to and --cgroup are applied to what is left.\n\n"
        "Whatever is not shown is counted and said on stderr. Up to four may watch at a time. Needs no controller, "
        "and goes on while that restarts; an observer that was killed is forgotten after 3 seconds. -o is compact or "
        "json, one object in a line.",
        {{"shunt observe -f --verdict refuse", "who is refused, and why"},
         {"shunt observe --for 60 --last 20 --to 10.0.3.0/24", "the last 20 of a minute to these addresses"},
         {"shunt observe -f -o json --sample 100 | jq -r .destination", "one in a hundred, for a script"}},
        true,
        "",
        define,
        {},
        {"compact", "json"}};
}

}  // namespace shunt::cli
