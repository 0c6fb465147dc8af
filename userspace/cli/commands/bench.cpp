// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "bench/report_json.h"
#include "bench/report_text.h"
#include "cli/command.h"

namespace shunt::cli {
namespace {

constexpr double kQuickSeconds = 60, kDefaultSeconds = 300;
constexpr int kBarWidth = 32;

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

struct Chosen {
    bool quick = false;
    bench::Options options;
};

base::Result<base::ExitCode> bench(Context& context, const Chosen& chosen) {
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
    app.add_option("--rounds", chosen->options.rounds, "At most this many rounds of batches, whatever the time")
        ->type_name("NUMBER");
    return [chosen](Context& context) { return bench(context, *chosen); };
}

}  // namespace

Command bench_command() {
    return {"bench",
            "Compare what redirection costs: shunt, iptables, nftables and none",
            "Measures connect() through each way of redirecting, side by side: small batches of all of them by turns, "
            "in network namespaces and cgroups of its own, which are gone afterwards. Needs root. An installed shunt "
            "and the packet filter of the host are neither used nor changed.\n\n"
            "The figures are proven: the redirection's own counters and the proxy, which is asked for the original "
            "destination of every connection, have to agree with the client, or the run fails. 'direct' runs twice; a "
            "difference smaller than the one between the two is printed as not distinguishable.",
            {{"shunt bench --quick", "a minute, with a table at the end"},
             {"shunt bench -o json > bench.json", "all figures and histograms"},
             {"shunt bench --arms iptables-legacy,shunt-address", "two of the ways only"}},
            true,
            "",
            define};
}

}  // namespace shunt::cli
