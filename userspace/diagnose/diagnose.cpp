// SPDX-License-Identifier: Apache-2.0
#include "diagnose/diagnose.h"

#include "diagnose/checks.h"

namespace shunt::diagnose {

Report diagnose(const Options& options) {
    Report report;
    auto& findings = report.findings;
    check_privileges(findings);
    check_features(report);
    check_limits(report);
    const auto subject = make_subject(options, findings);
    check_mounts(subject, findings);
    check_installation(subject, findings);
    check_links(subject, findings);
    check_foreign_programs(subject, findings);
    const auto workload = find_workload(subject.captured);
    check_network(workload, findings);
    check_proxy(subject, workload, findings);
    check_earlier_connections(subject, workload, findings);
    if (options.probe) probe(findings);
    return report;
}

}  // namespace shunt::diagnose
