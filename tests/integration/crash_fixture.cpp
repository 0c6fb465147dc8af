// SPDX-License-Identifier: Apache-2.0
#include "crash_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>

namespace shunt::harness {
namespace {

constexpr std::array kErrors{ENOMEM, EPERM, ENOSPC, EINTR, EBUSY};
constexpr std::size_t kSample = 2;    // calls beside one of each kind
constexpr unsigned kSeed = 20261126;  // the same each time: a gate does not go red at random

crash_plan* map_plan(const std::string& path) {
    const Fd file(check(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path));
    check(ftruncate(file.get(), sizeof(crash_plan)), path);
    void* at = mmap(nullptr, sizeof(crash_plan), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (at == MAP_FAILED) throw std::runtime_error("mmap " + path);
    return static_cast<crash_plan*>(at);
}

unsigned seed_of_this_run() {
    const char* given = std::getenv("SHUNT_CRASH_SEED");
    return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : kSeed;
}

// SHUNT_CRASH_PART=3/8: each eighth one from the third on, so that the whole matrix can be run bit by bit.
void keep_part(std::vector<Trial>& trials) {
    const char* given = std::getenv("SHUNT_CRASH_PART");
    std::size_t part = 1, of = 1;
    if (given && (std::sscanf(given, "%zu/%zu", &part, &of) != 2 || part < 1 || part > of))
        throw std::runtime_error("SHUNT_CRASH_PART is PART/OF, such as 3/8");
    std::vector<Trial> kept;
    for (std::size_t i = part - 1; i < trials.size(); i += of) kept.push_back(trials[i]);
    trials = std::move(kept);
}

// Beside a seed, what an emulated machine gives: so many trials of each test.
std::size_t trials_of_this_run(std::size_t most) {
    const char* given = std::getenv("SHUNT_CRASH_TRIALS");
    return given ? std::min<std::size_t>(most, std::strtoul(given, nullptr, 10)) : most;
}

std::string first_word(const std::string& line) { return line.substr(0, line.find(' ')); }

// A ProbeProxy that verifies says "ok" where it got the destination that was dialled.
std::string fate_of(const Placement& place, const std::string& destination) {
    const auto outcome = dial(place, {.destination = destination, .say_destination = true});
    if (outcome.error != 0) return error_name(outcome.error);
    return outcome.line == "ok" ? "proxy" : first_word(outcome.line);
}

}  // namespace

std::string to_text(const Trial& trial) {
    if (trial.nth == 0) return "nothing happens";
    return trial.kind + " " + std::to_string(trial.nth) + " " + (trial.error ? error_name(trial.error) : "kill -9");
}

Crash::Crash()
    : plan_(map_plan(sandbox_.directory() + "/plan"), [](crash_plan* plan) { munmap(plan, sizeof *plan); }),
      config_(write("config.yaml", before())),
      seed_(seed_of_this_run()) {}

Crash::~Crash() { shunt({"uninstall", "--drain", "0"}); }

void Crash::arm(const Trial& trial) const {
    plan_->at = 0;
    plan_->counted = plan_->recorded = 0;
    plan_->error = trial.error;
    trial.kind.copy(plan_->kind, CRASH_KIND_SIZE - 1);
    plan_->kind[std::min<std::size_t>(trial.kind.size(), CRASH_KIND_SIZE - 1)] = 0;
    plan_->at = trial.nth;
}

std::vector<Trial> Crash::trials(TrialSort sort, std::size_t most) const {
    const char* matrix = std::getenv("SHUNT_CRASH_MATRIX");
    const bool full = matrix && std::string(matrix) == "full";
    EXPECT_LT(plan_->recorded, CRASH_CALLS) << "more calls than can be recorded";
    std::map<std::string, unsigned> kinds;
    std::vector<Trial> all, chosen;
    std::size_t turn = seed_;
    for (unsigned i = 0; i < plan_->recorded; ++i) {
        const auto& call = plan_->calls[i];
        if (sort == kKills && !call.changes) continue;
        const Trial trial{call.kind, ++kinds[call.kind], sort == kKills ? 0 : kErrors[turn++ % kErrors.size()]};
        (full || trial.nth == 1 ? chosen : all).push_back(trial);
        if (full && sort == kFailures && trial.nth == 1)
            for (const int error : kErrors)
                if (error != trial.error) chosen.push_back({trial.kind, 1, error});
    }
    std::mt19937 draw(seed_);
    if (full) keep_part(chosen);
    if (!full) {
        std::sample(all.begin(), all.end(), std::back_inserter(chosen), kSample, draw);
        std::shuffle(chosen.begin(), chosen.end(), draw);
        chosen.resize(std::min(chosen.size(), trials_of_this_run(most)));
    }
    EXPECT_GE(kinds.size(), 3u) << "nothing was recorded";
    std::cout << "seed " << seed_ << ": " << chosen.size() << " trials, " << plan_->recorded << " calls, "
              << kinds.size() << " kinds of which one can " << (sort == kKills ? "be the last" : "fail") << std::endl;
    return chosen;
}

std::vector<std::string> Crash::under_plan(const std::vector<std::string>& rest) const {
    std::vector<std::string> line{"env", "LD_PRELOAD=" SHUNT_CRASH_SHIM,
                                  "SHUNT_CRASH=" + sandbox_.directory() + "/plan"};
    const auto more = words(rest);
    line.insert(line.end(), more.begin(), more.end());
    return line;
}

std::string Crash::before() {  // one port, or the programs would not look into that table at all
    return lifecycle_config("auto", "  excludeOutboundPorts: [9]\n", "/mesh/app, /mesh/first");
}

std::string Crash::after() {
    std::string ports = "80";
    for (int port = 2000; port < 2100; ++port) ports += ", " + std::to_string(port);
    return lifecycle_config("record", "  excludeOutboundPorts: [" + ports + "]\n", "/mesh/app, /mesh/second");
}

void Crash::install(const std::vector<std::string>& command) const {
    Process controller(command);
    ASSERT_TRUE(controller.says("ready")) << controller.err();
    EXPECT_EQ(fate(), "proxy");
    controller.signal(SIGTERM);
    EXPECT_EQ(controller.wait().code, 0);
}

std::vector<Trial> Crash::trials_of_uninstall(TrialSort sort) const {
    record();
    const auto ran = run_process(under_plan({"uninstall", "--drain", "0"}));
    EXPECT_EQ(ran.code, 0) << to_text(ran);
    return trials(sort);
}

std::string Crash::fate() const { return fate_of(sandbox_.app(), "203.0.113.9:80"); }

// Threads may share calls out among them differently each time, so only the first of a kind is certain to come.
void Crash::expect_reached(const Trial& trial) const {
    EXPECT_GE(plan_->counted, trial.nth == 1 ? 1u : 0u) << to_text(trial) << " did not come";
}

void Crash::expect_ending(const Trial& trial, const Ran& ran, bool to_its_end) const {
    expect_reached(trial);
    const bool killed = trial.nth != 0 && plan_->counted >= trial.nth;
    EXPECT_EQ(ran.code, killed ? 128 + SIGKILL : 0) << to_text(trial) << ": " << to_text(ran);
    EXPECT_TRUE(killed || to_its_end) << to_text(trial) << ": " << to_text(ran);
}

void Crash::expect_old_or_new(const Trial& trial) const {
    const auto seen = fate();
    EXPECT_TRUE(seen == "proxy" || seen == "direct") << to_text(trial) << ": " << seen;
}

// With a controller that has nothing to complain of.
void Crash::expect_green(const std::string& what, const std::string& binary) const {
    const auto by = [&](std::vector<std::string> line) {
        line.front() = binary;
        return line;
    };
    const Process controller(by(words(run_words())));
    ASSERT_TRUE(controller.says("ready")) << what << ": " << controller.err();
    const auto ran = run_process(by(words({"status"})));
    EXPECT_EQ(ran.code, 0) << what << ": " << to_text(ran);
    EXPECT_EQ(fate(), "proxy") << what;
}

void Crash::expect_uninstalled(const std::string& what) const {
    const auto ran = shunt({"uninstall", "--drain", "0"});
    EXPECT_EQ(ran.code, 0) << what << ": " << to_text(ran);
    EXPECT_FALSE(std::filesystem::exists(sandbox_.pin_dir())) << what;
    EXPECT_EQ(fate(), "direct") << what;
}

// A link that should have gone may be there until the next look of the controller.
void Crash::expect_captured_only_where_wanted(const std::string& what) const {
    const std::string other_port = "203.0.113.9:81";
    for (int look = 0; look < 1'200 && fate_of(in("first"), other_port) != "direct"; ++look) usleep(50'000);
    EXPECT_EQ(fate_of(in("first"), other_port), "direct") << what;
    EXPECT_EQ(fate_of(in("second"), other_port), "proxy") << what;
}

}  // namespace shunt::harness
