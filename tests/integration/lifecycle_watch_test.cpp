// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <sstream>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

using nlohmann::json;

class LifecycleWatch : public Lifecycle {
protected:
    static std::vector<json> records(const std::string& text) {
        std::vector<json> found;
        std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
        for (std::string line; std::getline(lines, line);) found.push_back(json::parse(line));
        return found;
    }
    static std::uint64_t sum(const std::vector<json>& lines, const std::string& reason) {
        std::uint64_t total = 0;
        for (const auto& line : lines) total += line.at("reasons").value(reason, std::uint64_t{0});
        return total;
    }
};

// Whatever line a connection is counted in, the lines' sum is what happened; those of before are in the first.
TEST_F(LifecycleWatch, LinesAddUp) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt running(sandbox_, lifecycle_config());
    expect_proxied(sandbox_.app());
    const Process watcher(words({"counters", "--watch", "-o", "json"}));
    const auto until = [&](std::uint64_t wanted) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (sum(records(watcher.out()), "unmatched") < wanted && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    };
    until(1);
    for (int i = 0; i < 3; ++i) expect_proxied(sandbox_.app());
    until(4);
    const auto lines = records(watcher.out());
    ASSERT_GE(lines.size(), 2u);
    EXPECT_EQ(sum(lines, "unmatched"), 4u);
    EXPECT_EQ(lines[0].at("reasons").at("unmatched"), 1);
    EXPECT_FALSE(lines[1].at("time").get<std::string>().empty());
}

TEST_F(LifecycleWatch, AReaderThatGoesAwayEndsItWithoutANoise) {
    const RunningShunt running(sandbox_, lifecycle_config());
    std::string command;
    for (const auto& word : words({"counters", "--watch"})) command += word + " ";
    const auto ran = run_process({"bash", "-c", command + " | head -n 1; echo ${PIPESTATUS[0]}"});
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(ran.out.ends_with("\n0\n")) << to_text(ran);
}

TEST_F(LifecycleWatch, NothingInstalledIsSaid) {
    const auto ran = shunt({"counters", "--watch"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("nothing is installed"), std::string::npos) << to_text(ran);
}

}  // namespace
}  // namespace shunt::harness
