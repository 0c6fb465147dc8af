// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "base/version.h"
#include "cli/command.h"

namespace shunt::cli {

Command version_command() {
    const auto action = [](Context& context) -> base::Result<base::ExitCode> {
        const base::BuildInfo& build = base::build_info();
        context.out.emit({{"version", build.version},
                          {"revision", build.revision.empty() ? Json(nullptr) : Json(build.revision)},
                          {"libbpf", build.libbpf},
                          {"compiler", build.compiler}});
        return base::ExitCode::kOk;
    };
    return {
        "version",
        "Print the version of this program and of what it was built with",
        "Prints the version, the revision of the source tree, the version of libbpf that was linked and the compiler.",
        {{"shunt version -o json | jq -r .version", "the number alone"}},
        true,
        "",
        [action](CLI::App&) -> Action { return action; }};
}

}  // namespace shunt::cli
