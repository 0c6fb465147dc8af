// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <map>

#include "base/text.h"
#include "bench/compare.h"
#include "bench/page.h"
#include "bench/report_json.h"
#include "bench/report_text.h"
#include "cli/command.h"

namespace shunt::cli {
namespace {

constexpr double kQuickSeconds = 60, kDefaultSeconds = 300;
constexpr int kBarWidth = 32;
const std::map<std::string, bench::Family> kFamilies{
    {"v4", bench::Family::kV4}, {"mapped", bench::Family::kMapped}, {"v6", bench::Family::kV6}};

// Ctrl-C ends the run between two batches, so that everything is taken down in order.
volatile std::sig_atomic_t interrupted = 0;

class Interruptible {
public:
    Interruptible() {
        struct sigaction action {};
        action.sa_handler = [](int) { interrupted = 1; };
        sigaction(SIGINT, &action, &old_int_);
        sigaction(SIGTERM, &action, &old_term_);
    }
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    ~Interruptible() {
        sigaction(SIGINT, &old_int_, nullptr);
        sigaction(SIGTERM, &old_term_, nullptr);
    }

private:
    struct sigaction old_int_ {
    }, old_term_{};
};

// One line that is written over, on a terminal only.
class Bar {
public:
    explicit Bar(std::ostream& out) : out_(out), terminal_(isatty(STDERR_FILENO) == 1) {}
    Bar(const Bar&) = delete;
    Bar& operator=(const Bar&) = delete;
    ~Bar() { clear(); }
    void show(const std::string& stage, double part) {
        if (!terminal_) return;
        const auto percent = static_cast<int>(std::min(part, 1.0) * 100);
        if (percent == percent_ && stage == stage_) return;
        percent_ = percent;
        stage_ = stage;
        const auto filled = static_cast<std::size_t>(percent * kBarWidth / 100);
        out_ << fmt::format("\r\033[K[{:<{}}] {:>3} % {}", std::string(filled, '#'), kBarWidth, percent, stage)
             << std::flush;
    }
    void clear() {
        if (terminal_ && percent_ >= 0) out_ << "\r\033[K" << std::flush;
        percent_ = -1;
    }

private:
    std::ostream& out_;
    bool terminal_;
    int percent_ = -1;
    std::string stage_;
};

const std::map<std::string, bench::Kind> kKinds{{"mixed", bench::Kind::kMixed},
                                                {"ranges", bench::Kind::kRanges},
                                                {"ports", bench::Kind::kPorts},
                                                {"listeners", bench::Kind::kListeners}};

struct Chosen {
    bool quick = false;
    std::string page;                // --report
    std::vector<std::string> words;  // compare A.json B.json
    bench::Options options;
};

base::Result<base::ExitCode> compare(Context& context, const Chosen& chosen) {
    if (chosen.words.size() != 3)
        return base::fail("compare takes two files: shunt bench compare A.json B.json", base::ExitCode::kUsage);
    const auto a = bench::read_report(chosen.words[1]);
    if (!a) return tl::unexpected<base::Error>(a.error());
    const auto b = bench::read_report(chosen.words[2]);
    if (!b) return tl::unexpected<base::Error>(b.error());
    const auto comparison = bench::compare(*a, *b);
    if (context.out.format() == Format::kTable)
        context.out.text(bench::to_text(comparison));
    else
        context.out.emit(bench::to_json(comparison));
    return base::ExitCode::kOk;
}

// Opened before the run, so that five minutes are not spent for a page that cannot be written.
base::Result<std::ofstream> open_page(const std::string& file) {
    std::ofstream page(file);
    if (!page) return tl::unexpected(base::errno_error(file, errno));
    return page;
}

base::Result<base::ExitCode> bench(Context& context, const Chosen& chosen) {
    if (!chosen.words.empty()) {
        if (chosen.words[0] == "compare") return compare(context, chosen);
        return base::fail("bench: " + base::quoted(chosen.words[0]) + " is no action; expected compare, or nothing",
                          base::ExitCode::kUsage);
    }
    std::optional<std::ofstream> page;
    if (!chosen.page.empty()) {
        auto opened = open_page(chosen.page);
        if (!opened) return tl::unexpected<base::Error>(opened.error());
        page = std::move(*opened);
    }
    auto options = chosen.options;
    options.seconds = chosen.quick ? kQuickSeconds : kDefaultSeconds;
    const Interruptible guard;
    Bar bar(context.err);
    auto report = bench::run(options, [&](const std::string& stage, double part) {
        bar.show(stage, part);
        return interrupted == 0;
    });
    bar.clear();
    if (interrupted != 0) return base::fail("interrupted; everything that was made is removed");
    if (!report) return tl::unexpected<base::Error>(report.error());
    for (const auto& skipped : report->skipped) spdlog::warn("{} is left out: {}", skipped.arm, skipped.reason);
    if (page && !(*page << bench::to_page(bench::to_json(*report)) << std::flush))
        return base::fail(chosen.page + ": cannot be written");
    if (context.out.format() == Format::kTable)
        context.out.text(bench::to_text(*report));
    else
        context.out.emit(bench::to_json(*report));
    return base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto chosen = std::make_shared<Chosen>();
    app.add_flag("--quick", chosen->quick, "Take a minute instead of five");
    app.add_option("--arms", chosen->options.arms, "Only these and direct, separated by commas")
        ->delimiter(',')
        ->type_name("ARM,...");
    app.add_option("--stages", chosen->options.stages,
                   fmt::format("Only these and connect, separated by commas: {}", fmt::join(bench::all_stages(), ", ")))
        ->delimiter(',')
        ->type_name("STAGE,...");
    app.add_option("--families", chosen->options.families,
                   "Only these sockets in connect and programs: v4, v6, mapped (IPv6 sockets that dial IPv4)")
        ->delimiter(',')
        ->transform(CLI::CheckedTransformer(kFamilies))
        ->type_name("FAMILY,...");
    app.add_option("--entries", chosen->options.entries, "Sizes of policy for the growth stage, separated by commas")
        ->delimiter(',')
        ->check(CLI::Range(1u, 1000000u))
        ->type_name("NUMBER,...");
    app.add_option(
           "--kinds", chosen->options.kinds,
           "What these entries are, separated by commas: mixed (default), ranges, ports (20000 at most), listeners")
        ->delimiter(',')
        ->transform(CLI::CheckedTransformer(kKinds))
        ->type_name("KIND,...");
    app.add_option("--connections", chosen->options.connections,
                   "Most live connections of the capacity stage; default: 200000, with --quick 20000")
        ->type_name("NUMBER");
    app.add_option("--rounds", chosen->options.rounds, "At most this many rounds of batches, whatever the time")
        ->type_name("NUMBER");
    app.add_option("--report", chosen->page, "Also write one HTML page with plots, which needs nothing else")
        ->type_name("FILE.html");
    app.add_option("ACTION", chosen->words, "compare A.json B.json: what differs between two runs of -o json")
        ->type_name("[compare A.json B.json]");
    return [chosen](Context& context) { return bench(context, *chosen); };
}

}  // namespace

Command bench_command() {
    return {"bench",
            "Compare what redirection costs: shunt, iptables, nftables and none",
            "Measures connect() through each way of redirecting, side by side: batches of all of them by turns, "
            "in network namespaces and cgroups of its own, which are gone afterwards. Further stages: BPF programs, "
            "growth of the policy, established connections, HAProxy and Envoy where they are installed, live "
            "connections, start. Needs root. An installed shunt and the packet filter of the host are neither used nor "
            "changed.\n\n"
            "The figures are proven: the redirection's own counters and the proxy, which is asked for the original "
            "destination of every connection, have to agree with the client, or the run fails. 'direct' runs twice; a "
            "difference smaller than the one between the two is printed as not distinguishable.",
            {{"shunt bench --quick", "a minute, with a table at the end"},
             {"shunt bench -o json > bench.json", "all figures and histograms"},
             {"shunt bench --quick --report bench.html", "and a page with plots"},
             {"shunt bench compare before.json after.json", "two runs; what is below their noise is said to be"},
             {"shunt bench --arms iptables-legacy,shunt-address", "two of the ways only"},
             {"shunt bench --stages growth --kinds ranges,ports,listeners", "what each kind of entry costs"}},
            true,
            "",
            define,
            {"compare"}};
}

}  // namespace shunt::cli
