// SPDX-License-Identifier: Apache-2.0
// Machines of another layout, in private mount namespaces: no bpffs, cgroup2 alone, beside v1, elsewhere, or not at
// all. (Every other test runs in the layout of the machine itself.)
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

class LifecycleMounts : public Lifecycle {
protected:
    // The whole life of an installation that finds its own bpffs; "" where all is well.
    std::string live(const std::string& cgroup2_point, const std::string& config) const {
        return run_in({}, [&]() -> std::string {
            enter_private_mounts(cgroup2_point);
            const auto here = [&](const std::vector<std::string>& rest) {
                std::vector<std::string> line{shunt_binary(), "--run-dir", sandbox_.run_dir()};
                line.insert(line.end(), rest.begin(), rest.end());
                return line;
            };
            Process running(here({"run", "-c", config}));
            if (!running.says("ready")) return to_text(running.wait());
            std::string problems;
            struct stat root {};
            if (stat("/sys/fs/bpf/shunt", &root) != 0 || (root.st_mode & 07777) != 0700)
                problems += "no /sys/fs/bpf/shunt of mode 0700\n";
            const auto status = run_process(here({"status", "-o", "json"}));
            if (status.code != 0) problems += "status: " + to_text(status);
            const auto outcome = dial({.netns = sandbox_.client_netns()}, {.destination = "203.0.113.9:80"});
            if (outcome.line.rfind("direct ", 0) != 0) problems += "outside: " + to_text(outcome);
            running.signal(SIGTERM);
            if (const auto ran = running.wait(); ran.code != 0) problems += "run: " + to_text(ran);
            const auto removed = run_process(here({"uninstall", "--drain", "0"}));
            if (removed.code != 0) problems += "uninstall: " + to_text(removed);
            if (std::filesystem::exists("/sys/fs/bpf/shunt")) problems += "/sys/fs/bpf/shunt is left\n";
            return problems;
        });
    }

    const DirectServer server_{sandbox_, {80, 9080}};
};

TEST_F(LifecycleMounts, UnifiedHybridAndElsewhere) {
    const auto elsewhere = sandbox_.directory() + "/cgroup2";
    std::filesystem::create_directories(elsewhere);
    const auto config = write("config.yaml", lifecycle_config());
    EXPECT_EQ(live("/sys/fs/cgroup", config), "");
    EXPECT_EQ(live("/sys/fs/cgroup/unified", config), "");
    EXPECT_EQ(live(elsewhere, config), "");
}

TEST_F(LifecycleMounts, NoCgroup2IsAMissingFeature) {
    const auto config = write("config.yaml", lifecycle_config());
    const auto text = live("", config);
    EXPECT_EQ(text.rfind("exit 4\n", 0), 0u) << text;
    EXPECT_NE(text.find("no cgroup2 file system is mounted"), std::string::npos) << text;
}

}  // namespace
}  // namespace shunt::harness
