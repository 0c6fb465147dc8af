// SPDX-License-Identifier: Apache-2.0
// What the tests of crash_test.cpp share: which call of shunt's is to be its last or to fail, and what must hold then.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crash_plan.h"
#include "harness/watch.h"
#include "lifecycle_fixture.h"

namespace shunt::harness {

// The nth call of a kind; a default one means none.
struct Trial {
    std::string kind;
    unsigned nth = 0;
    int error = 0;  // 0: kill -9 after it
};

std::string to_text(const Trial& trial);  // "rmdir 3 EBUSY"

enum TrialSort {
    kKills,    // after a call that changes something outside the process
    kFailures  // of any call
};

class Crash : public Lifecycle {
protected:
    Crash();
    ~Crash() override;

    void record() const { arm({}); }
    void arm(const Trial& trial) const;
    // Of what was recorded: one call of each kind and some more, at most so many; or all of them where
    // SHUNT_CRASH_MATRIX asks for it.
    std::vector<Trial> trials(TrialSort sort, std::size_t most = CRASH_CALLS) const;

    std::vector<std::string> under_plan(const std::vector<std::string>& rest) const;
    std::vector<std::string> run_words() const { return {"run", "-c", config_}; }
    // The rules before and after a reload. After it port 80 is excluded, by a table that has outgrown its map; a
    // captured cgroup is gone and another one is new.
    static std::string before();
    static std::string after();

    void install(const std::vector<std::string>& command) const;   // starts, waits until it is ready, ends
    std::vector<Trial> trials_of_uninstall(TrialSort sort) const;  // of what is installed, which is gone then
    // To a port that no configuration of these tests excludes.
    Batch watched() const { return {.destinations = {"203.0.113.9:81"}, .count = 5, .reset = true}; }
    std::string fate() const;  // of a connection to port 80: "proxy", "direct"
    void expect_reached(const Trial& trial) const;
    void expect_ending(const Trial& trial, const Ran& ran, bool to_its_end) const;
    void expect_old_or_new(const Trial& trial) const;
    void expect_green(const std::string& what = {}, const std::string& binary = shunt_binary()) const;
    void expect_uninstalled(const std::string& what) const;
    void expect_captured_only_where_wanted(const std::string& what) const;

private:
    std::unique_ptr<crash_plan, void (*)(crash_plan*)> plan_;
    const ScratchCgroup first_{sandbox_.root_cgroup() + "/first"};
    const ScratchCgroup second_{sandbox_.root_cgroup() + "/second"};
    const DirectServer server_{sandbox_, {80, 81}};
    const ProbeProxy proxy_{sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}, .verify = true}};
    std::string config_;
    mutable unsigned seed_ = 0;
};

}  // namespace shunt::harness
