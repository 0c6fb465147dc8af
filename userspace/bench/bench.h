// SPDX-License-Identifier: Apache-2.0
// The whole run: arms -> batches -> statistics -> report.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/capacity_stage.h"
#include "bench/echo_stage.h"
#include "bench/growth_stage.h"
#include "bench/machine.h"
#include "bench/programs_stage.h"
#include "bench/proxy_stage.h"
#include "bench/start_stage.h"
#include "bench/statistics.h"

namespace shunt::bench {

struct Options {
    double seconds = 300;
    unsigned rounds = 0;              // of the connect stage; 0: as many as the time allows
    std::vector<std::string> arms;    // empty: all; "direct" and "direct-again" always run
    std::vector<std::string> stages;  // besides connect, which always runs; empty: all
    std::vector<Family> families;     // of the connect and programs stages; empty: all
    std::vector<unsigned> entries;    // of the growth stage; empty: 10 to 100,000
    std::vector<Kind> kinds;          // of those entries; empty: mixed
    unsigned connections = 0;         // most of the capacity stage; 0: 200,000, or 20,000 in a short run
    PolicySize policy;
    std::uint64_t seed = 1;
};

// Names of the stages besides connect, in their order.
const std::vector<std::string>& all_stages();

struct Skipped {
    std::string arm;
    std::string reason;
};

struct Report {
    Machine machine;
    Options options;
    std::vector<std::pair<std::string, double>> seconds;  // that each stage took
    std::vector<Skipped> skipped;
    std::vector<ArmProof> proofs;
    Statistics connect;
    std::vector<ProgramCost> programs;
    std::optional<GrowthResult> growth;
    std::vector<EchoFigures> echo;
    std::vector<std::pair<std::string, std::vector<ProxyFigures>>> proxies;  // "haproxy", "envoy"
    std::vector<CapacityFigures> capacity;
    std::optional<StartResult> start;
};

// Stage and part done (0-1); false: stop and clean up.
using StageProgress = std::function<bool(const std::string& stage, double part)>;

// Nothing of the user's is touched; all that is made is gone afterwards. Needs root.
base::Result<Report> run(const Options& options, const StageProgress& progress);

}  // namespace shunt::bench
