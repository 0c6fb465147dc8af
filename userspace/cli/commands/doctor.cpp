// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command.h"
#include "cli/config_file.h"
#include "diagnose/diagnose.h"

namespace shunt::cli {
namespace {

Json rows(const diagnose::Findings& findings) {
    Json list = Json::array();
    for (const auto& finding : findings)
        list.push_back({{"check", finding.check},
                        {"state", diagnose::to_string(finding.state)},
                        {"detail", finding.detail},
                        {"remedy", finding.remedy}});
    return list;
}

// A line for each finding, and below it what to do.
std::string lines(const diagnose::Findings& findings) {
    std::size_t width = 0;
    for (const auto& finding : findings) width = std::max(width, finding.check.size());
    std::string text;
    for (const auto& finding : findings) {
        const auto state = diagnose::to_string(finding.state);
        text += state + std::string(8 - state.size(), ' ') + finding.check +
                std::string(width + 2 - finding.check.size(), ' ') + finding.detail + "\n";
        if (!finding.remedy.empty()) text += std::string(width + 10, ' ') + "-> " + finding.remedy + "\n";
    }
    return text;
}

struct Options {
    std::string file;
    bool no_probe = false;
};

base::Result<base::ExitCode> doctor(Context& context, const Options& chosen) {
    diagnose::Options options{context.paths(), std::nullopt, !chosen.no_probe};
    if (!chosen.file.empty()) {
        auto mesh = load_config(chosen.file);
        if (!mesh) return tl::unexpected<base::Error>(mesh.error());
        options.mesh = std::move(*mesh);
    }
    const auto report = diagnose::diagnose(options);
    const auto state = diagnose::worst(report.findings);
    if (context.out.format() == Format::kTable)
        context.out.text(lines(report.findings));
    else
        context.out.emit({{"state", diagnose::to_string(state)},
                          {"features", report.features},
                          {"findings", rows(report.findings)}});
    return state == diagnose::State::kBroken ? base::ExitCode::kFailure : base::ExitCode::kOk;
}

Action define(CLI::App& app) {
    auto options = std::make_shared<Options>();
    app.add_option("-c,--config", options->file,
                   "What should be in force; without it, what the pins say is taken for that")
        ->type_name("FILE");
    app.add_flag("--no-probe", options->no_probe, "Do not make a connection in a place of its own");
    return [options](Context& context) { return doctor(context, *options); };
}

}  // namespace

Command doctor_command() {
    return {
        "doctor",
        "Look for everything that may be wrong, and say what to do",
        "Looks at what a redirected connection needs: privileges, features of the kernel (found by trying), limits, "
        "mounts, the installation and every link, other programs on the captured cgroups, lo and the packet filter "
        "rules of their network namespaces, whether the proxy listens there as configured and from its cgroup, and "
        "connections that pass it by. Last it makes a connection through the real programs, in a network namespace, "
        "a bpffs and cgroups of its own, which are gone afterwards.\n\n"
        "Each finding is ok, info, warn or broken, with the remedy. The exit code is 1 where something is broken, 0 "
        "otherwise. Nothing of the installation is changed.",
        {{"shunt doctor -c /etc/shunt/shunt.yaml", "is all as this file says?"},
         {"shunt doctor -o json | jq -r '.findings[] | select(.state == \"broken\") | .remedy'", "what is to be done"}},
        true,
        "",
        define};
}

}  // namespace shunt::cli
