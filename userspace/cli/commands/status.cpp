// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/names.h"
#include "base/net.h"
#include "cli/command.h"
#include "daemon/control_client.h"
#include "telemetry/install_state.h"
#include "telemetry/snapshot.h"

namespace shunt::cli {
namespace {

Json proxy(const shunt_scope& scope) {
    const auto listener = [](bool present, const shunt_ip& address, __u16 port_be) {
        if (!present) return Json(nullptr);
        return Json(base::to_string(base::SocketAddress{base::Address::from_abi(address), be16toh(port_be)}));
    };
    return {{"v4", listener(scope.flags & SHUNT_SCOPE_PROXY_V4, scope.proxy4, scope.proxy4_port_be)},
            {"v6", listener(scope.flags & SHUNT_SCOPE_PROXY_V6, scope.proxy6, scope.proxy6_port_be)}};
}

Json controller(const telemetry::Snapshot& snapshot, const std::string& run_dir) {
    Json out{{"running", snapshot.controller_running}};
    const auto told = daemon::request_status(run_dir);
    if (!told) return out;  // dead, or another --run-dir: what the pins say is all there is to know
    // A controller of another pin directory may answer there.
    if (!snapshot.controller_running) return out;
    for (const auto& [key, value] : told->items()) out[key] = value;
    return out;
}

Json links(const telemetry::Snapshot& snapshot) {
    Json list = Json::array();
    for (const auto& link : snapshot.links)
        list.push_back({{"cgroup", link.cgroup},
                        {"hook", link.attach_type},
                        {"state", link.attached ? "attached" : "DETACHED"},
                        {"link", link.link_id},
                        {"program", link.program_id},
                        {"pin", link.pin}});
    return list;
}

Json tables(const telemetry::Snapshot& snapshot) {
    Json list = Json::array();
    for (const auto& table : snapshot.tables)
        list.push_back({{"table", table.name}, {"entries", table.entries}, {"capacity", table.capacity}});
    return list;
}

Json verdicts(const telemetry::Counters& counters) {
    Json out{{"bypass", 0}, {"redirect", 0}, {"balance", 0}, {"refuse", 0}};
    for (const auto& [reason, count] : counters.reasons) {
        const std::string name(base::name(base::verdict_of(reason)));
        if (out.contains(name)) out[name] = out[name].get<std::uint64_t>() + count;
    }
    return out;
}

Json failures(const telemetry::Counters& counters) {
    Json out = Json::object();
    for (const auto& [event, count] : counters.events)
        if (base::is_failure(event) && count > 0) out[std::string(base::name(event))] = count;
    for (const auto reason : {SHUNT_REASON_INTERNAL_REFUSE, SHUNT_REASON_INTERNAL_BYPASS,
                              SHUNT_REASON_PROXY_DOWN_REFUSE, SHUNT_REASON_PROXY_DOWN_BYPASS})
        if (const auto found = counters.reasons.find(reason); found != counters.reasons.end() && found->second > 0)
            out[std::string(base::name(reason))] = found->second;
    return out;
}

base::Result<base::ExitCode> status(Context& context) {
    const auto snapshot = telemetry::read_snapshot(context.paths());
    if (!snapshot) return tl::unexpected<base::Error>(snapshot.error());
    const telemetry::Judgement judgement = telemetry::judge(*snapshot);
    Json out{{"state", to_string(judgement.state)}, {"why", judgement.why}};
    if (snapshot->installed) {
        out["pinDirectory"] = snapshot->pin_directory;
        out["generation"] = snapshot->generation;
        out["proxy"] = proxy(snapshot->base_scope());
        out["controller"] = controller(*snapshot, context.globals.run_dir);
        out["verdicts"] = verdicts(snapshot->counters);
        out["runs"] = snapshot->counters.runs();
        out["failures"] = failures(snapshot->counters);
        out["links"] = links(*snapshot);
        out["tables"] = tables(*snapshot);
    }
    Json table = out;
    table["why"] = fmt::format("{}", fmt::join(judgement.why, "; "));
    if (judgement.why.empty()) table.erase("why");
    context.out.emit(out, table);
    return judgement.state == telemetry::State::kProtected ? base::ExitCode::kOk : base::ExitCode::kFailure;
}

}  // namespace

Command status_command() {
    return {"status",
            "Say whether connections are redirected",
            "Reads this installation's own pins, with or without a running controller, and says in one word what they "
            "show: "
            "protected (every captured cgroup's connections pass the programs), unprotected (some can leave unseen), "
            "degraded "
            "(all are seen, but something that a redirect needs is missing) or not-installed. Then: why, the "
            "controller, the "
            "proxy, every link with its state, verdicts and failures since the programs were loaded, and how full the "
            "tables "
            "are. A controller that is not running changes nothing for traffic and not the word.\n\n"
            "The exit code is 0 only where the word is protected, 1 otherwise.",
            {{"shunt status", "for people"}, {"shunt status -o json | jq -r .state", "for a health check"}},
            true,
            "",
            [](CLI::App&) -> Action { return status; }};
}

}  // namespace shunt::cli
