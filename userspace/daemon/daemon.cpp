// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <mutex>

#include "base/memory.h"
#include "config/loader.h"
#include "daemon/control_server.h"
#include "daemon/envoy_follower.h"
#include "daemon/failure_log.h"
#include "daemon/file_watcher.h"
#include "daemon/mender.h"
#include "daemon/metrics_publisher.h"
#include "daemon/notify.h"
#include "daemon/pace.h"
#include "daemon/privileges.h"
#include "daemon/reloader.h"
#include "daemon/signals.h"
#include "importer/envoy_fetch.h"
#include "kernel/features.h"
#include "sync/controller.h"

namespace shunt::daemon {
namespace {

constexpr std::size_t kNamed = 10;  // cgroups in one line of the log

std::chrono::nanoseconds thread_cpu_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::string describe(const model::Mesh& mesh) {
    std::vector<std::string> cgroups;
    for (const auto& cgroup : mesh.capture.cgroups) cgroups.push_back(cgroup.value);
    for (const auto& scope : mesh.scopes)
        if (cgroups.size() < kNamed) cgroups.push_back(scope.cgroups.front().value);
    if (mesh.scopes.size() > kNamed) cgroups.emplace_back("...");
    std::vector<std::string> proxies;
    if (mesh.proxy.listen_v4) proxies.push_back(base::to_string(mesh.proxy.listen_v4->value));
    if (mesh.proxy.listen_v6) proxies.push_back(base::to_string(mesh.proxy.listen_v6->value));
    const auto scopes = mesh.scopes.empty() ? "" : fmt::format(", {} scopes", mesh.scopes.size());
    return fmt::format("cgroups {}, proxy {}{}", fmt::join(cgroups, " "), fmt::join(proxies, " "), scopes);
}

// At the start Envoy is asked once, so that a controller that comes back does not forget for a moment what it knew. It
// need not run yet.
std::optional<importer::EnvoyConfig> first_dump(const model::Mesh& mesh) {
    if (!mesh.source) return std::nullopt;
    const auto asked = [&]() -> base::Result<importer::EnvoyConfig> {
        const auto spool =
            importer::fetch_dump(mesh.source->admin, {std::chrono::seconds(2), std::chrono::seconds(10)});
        if (!spool) return tl::unexpected<base::Error>(spool.error());
        auto bytes = spool->read(mesh.source->admin);
        if (!bytes) return tl::unexpected<base::Error>(bytes.error());
        return complete_dump(*bytes, mesh.source->admin);
    }();
    if (asked) return *asked;
    spdlog::warn("source: {}; until it answers, everything captured goes to the proxy", asked.error().message);
    return std::nullopt;
}

// Until SIGTERM or SIGINT, whose name it returns.
base::Result<std::string> serve(SignalQueue& signals, Reloader& reloader, Mender& mender, FailureLog& failures) {
    const Pace pace(thread_cpu_time);
    auto rest = Pace::kShortest;
    for (;;) {
        const auto number = signals.wait(static_cast<int>(rest.count()));
        if (!number) return tl::unexpected<base::Error>(number.error());
        if (*number == 0) {
            rest = pace.look([&] {
                mender.look();
                failures.look();
            });
            continue;
        }
        if (*number != SIGHUP) return std::string(*number == SIGTERM ? "SIGTERM" : "SIGINT");
        spdlog::info("SIGHUP: reading {} again", reloader.config_file());
        notify_reloading();
        (void)reloader.reload();  // it has logged what happened; the old configuration stays in force on an error
        notify("READY=1\nSTATUS=" + reloader.summary());
    }
}

}  // namespace

base::Status run(const RunOptions& options) {
    // First of all: a thread that starts before would take signals away from the queue.
    auto signals = SignalQueue::create({SIGHUP, SIGTERM, SIGINT});
    if (!signals) return tl::unexpected<base::Error>(signals.error());
    auto loaded = config::load_file(options.config_file, config::Writers::kTrusted);
    if (!loaded) return tl::unexpected<base::Error>(loaded.error());
    for (const auto& warning : loaded->warnings) spdlog::warn("{}", warning);

    // Whatever can fail in userspace fails before the kernel is touched; a missing privilege under its own name first.
    if (auto allowed = kernel::check_privileges(); !allowed) return allowed;
    auto server = ControlServer::bind(options.paths.run_dir);
    if (!server) return tl::unexpected<base::Error>(server.error());
    MetricsPublisher publisher(options.paths);
    const auto wanted = [&](const model::Mesh& mesh) { return options.metrics ? options.metrics : mesh.metrics; };
    auto published = publisher.prepare(wanted(loaded->mesh));
    if (!published) return tl::unexpected<base::Error>(published.error());
    auto envoy = first_dump(loaded->mesh);
    sync::ApplyReport report;
    auto first = with_envoy(loaded->mesh, envoy);
    auto controller = sync::Controller::start(options.paths, first, report);
    if (!controller) return tl::unexpected<base::Error>(controller.error());
    for (const auto& warning : report.warnings) spdlog::warn("{}", warning);
    // Before the first thread that stays: capabilities are a thread's own.
    if (auto dropped = drop_privileges(); !dropped) return dropped;

    std::mutex changing;  // reloads come from the control socket's threads, repairs from this one
    const auto apply = [&](const model::Mesh& mesh) -> base::Result<sync::ApplyReport> {
        const std::lock_guard one_at_a_time(changing);
        auto next = publisher.prepare(wanted(mesh));
        if (!next) return tl::unexpected<base::Error>(next.error());
        auto applied = controller->apply(mesh);
        if (applied) publisher.commit(std::move(*next), mesh);
        return applied;
    };
    Reloader reloader(options.config_file, apply, report, loaded->mesh, std::move(envoy));
    EnvoyFollower follower([&] { return reloader.source(); },
                           [&](importer::EnvoyConfig&& said) { return reloader.follow(std::move(said)); });
    reloader.on_reload([&] { follower.source_changed(); });
    reloader.set_source_status([&] { return follower.status(); });
    Mender mender([&] {
        auto repaired = [&] {
            const std::lock_guard one_at_a_time(changing);
            return controller->repair();
        }();
        if (!repaired.outdated) return repaired;
        if (const auto again = reloader.apply_again(); !again)
            repaired.broken.push_back(again.error().message);
        else
            repaired.repaired.emplace_back("a cgroup was removed and made again");
        return repaired;
    });
    FailureLog failures([&] { return telemetry::read_counters(options.paths); });
    failures.look();  // from here on
    publisher.set_score([&] {
        auto score = reloader.score();
        mender.add_to(score);
        return score;
    });
    publisher.commit(std::move(*published), first);
    first = {};  // a large one is not kept
    (*server)->serve(reloader, mender);
    auto watcher = FileWatcher::start(options.config_file, [&] {
        if (reloader.watched()) reloader.reload_if_changed();
    });
    if (!watcher) spdlog::warn("{}; 'watch' has no effect", watcher.error().message);
    follower.start();
    spdlog::info("ready: {} generation {} in force with {} table entries; {}",
                 report.adopted ? "what was pinned is taken over," : "installed,", report.generation, report.entries,
                 describe(loaded->mesh));
    notify("READY=1\nSTATUS=" + reloader.summary());
    // What is in force is in the tables; a large configuration is not kept twice.
    *loaded = {};
    base::release_free_memory();

    auto stopped = serve(*signals, reloader, mender, failures);
    notify("STOPPING=1");
    watcher = base::fail("ended");  // and with it its thread
    follower.stop();
    publisher.stop();
    (*server)->stop();
    if (!stopped) return tl::unexpected<base::Error>(stopped.error());
    spdlog::info("{}: stopping. Redirection stays in place under generation {}; '{}' removes it", *stopped,
                 reloader.generation(), options.uninstall_hint);
    return {};
}

}  // namespace shunt::daemon
