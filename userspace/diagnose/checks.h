// SPDX-License-Identifier: Apache-2.0
// One function for each area; each adds what it found.
#pragma once

#include "diagnose/diagnose.h"
#include "diagnose/subject.h"
#include "diagnose/workload.h"

namespace shunt::diagnose {

void check_features(Report& report);                                                     // system.cpp
void check_privileges(Findings& findings);                                               // system.cpp
void check_limits(Report& report);                                                       // system.cpp
void check_mounts(const Subject& subject, Findings& findings);                           // system.cpp
void check_installation(const Subject& subject, Findings& findings);                     // installation.cpp
void check_links(const Subject& subject, Findings& findings);                            // installation.cpp
void check_foreign_programs(const Subject& subject, Findings& findings);                 // neighbours.cpp
void check_network(const Workload& workload, Findings& findings);                        // neighbours.cpp: lo, rules
void check_proxy(const Subject& subject, const Workload& workload, Findings& findings);  // proxy.cpp
void check_earlier_connections(const Subject& subject, const Workload& workload, Findings& findings);  // proxy.cpp
void probe(Findings& findings);                                                                        // probe.cpp

}  // namespace shunt::diagnose
