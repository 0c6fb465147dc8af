// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <algorithm>

#include "base/text.h"
#include "bench/stages.h"

namespace shunt::bench {
namespace {

base::Status check_names(const char* what, const std::vector<std::string>& wanted,
                         const std::vector<std::string_view>& names) {
    for (const auto& name : wanted)
        if (std::find(names.begin(), names.end(), name) == names.end())
            return base::fail(
                std::string("there is no ") + what + " " + base::quoted(name) + base::did_you_mean(name, names),
                base::ExitCode::kUsage);
    return {};
}

base::Status check_names(const Options& options) {
    std::vector<std::string_view> arms, stages{all_stages().begin(), all_stages().end()};
    for (const auto& spec : all_arms()) arms.push_back(spec.name);
    if (auto known = check_names("arm", options.arms, arms); !known) return known;
    return check_names("stage", options.stages, stages);
}

}  // namespace

const std::vector<std::string>& all_stages() {
    static const std::vector<std::string> stages{"programs", "growth", "echo", "haproxy", "envoy", "capacity", "start"};
    return stages;
}

base::Result<Report> run(const Options& options, const StageProgress& progress) {
    if (auto known = check_names(options); !known) return tl::unexpected(known.error());
    auto place = Workplace::make();
    if (!place) return tl::unexpected(place.error());
    Report report{.machine = describe_machine(), .options = options};
    const auto measured = measure(options, *place, progress, report);
    const auto removed = place->remove();
    if (!measured) return tl::unexpected(measured.error());
    if (!removed) return tl::unexpected(removed.error());
    return report;
}

}  // namespace shunt::bench
