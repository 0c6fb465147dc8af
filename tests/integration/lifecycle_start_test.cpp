// SPDX-License-Identifier: Apache-2.0
// Starts that must be refused, and leave nothing: two controllers, foreign directories, programs in the way,
// privileges.
#include <linux/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;

class LifecycleStart : public Lifecycle {
protected:
    Ran start(const std::string& config, const std::string& pin_dir = {}, const std::vector<std::string>& under = {}) {
        auto line = under;
        for (const auto& word : words({"run", "-c", write("refused.yaml", config)}, pin_dir)) line.push_back(word);
        return run_process(line);
    }
    void expect_refused(const std::string& directory, const std::string& why) {
        const auto ran = start(lifecycle_config(), directory);
        EXPECT_EQ(ran.code, 1) << to_text(ran);
        EXPECT_NE(ran.err.find(why), std::string::npos) << to_text(ran);
        EXPECT_NE(ran.err.find(directory), std::string::npos) << to_text(ran);
    }
    std::string bpffs() const { return sandbox_.directory() + "/bpf"; }
    void expect_nothing_left() const {
        EXPECT_FALSE(fs::exists(sandbox_.pin_dir()));
        EXPECT_TRUE(fs::is_empty(sandbox_.run_dir()));
        EXPECT_EQ(run_process({"bpftool", "-j", "cgroup", "tree", sandbox_.root_cgroup()}).out.find("shunt_"),
                  std::string::npos);
    }

    const DirectServer server_{sandbox_, {7, 8, 80, 9080}};
    const ProbeProxy proxy_{sandbox_};
};

TEST_F(LifecycleStart, TheSecondControllerIsRefused) {
    const RunningShunt running(sandbox_, lifecycle_config());
    const auto before = status();
    const auto config = write("second.yaml", lifecycle_config("record", "  excludeOutboundPorts: [80]\n"));
    const auto same_pins = run_process(words({"run", "-c", config}, {}, sandbox_.directory() + "/run2"));
    EXPECT_EQ(same_pins.code, 1) << to_text(same_pins);
    EXPECT_NE(same_pins.err.find("another controller is running for " + sandbox_.pin_dir()), std::string::npos)
        << to_text(same_pins);
    const auto same_both = run_process(words({"run", "-c", config}));
    EXPECT_EQ(same_both.code, 1) << to_text(same_both);
    EXPECT_NE(same_both.err.find("another controller is running"), std::string::npos) << to_text(same_both);
    const auto after = status();
    for (const char* same : {"state", "generation", "links", "controller"})
        EXPECT_EQ(before.at(same), after.at(same)) << same;
    expect_proxied(sandbox_.app());
    EXPECT_EQ(shunt({"reload"}).code, 0);
}

TEST_F(LifecycleStart, SquattedDirectories) {
    const auto real = bpffs() + "/real", link = bpffs() + "/link", theirs = bpffs() + "/theirs",
               open = bpffs() + "/open", elsewhere = sandbox_.directory() + "/elsewhere";
    for (const auto& made : {real, theirs, open, elsewhere}) check(mkdir(made.c_str(), 0700), made);
    check(symlink(real.c_str(), link.c_str()), link);
    check(chown(theirs.c_str(), 1337, 1337), theirs);
    check(chmod(open.c_str(), 0770), open);
    expect_refused(link, "it is a symbolic link");
    expect_refused(theirs, "it belongs to uid 1337");
    expect_refused(open, "others can write to it");
    expect_refused(elsewhere, "it is not on a bpffs");
    for (const auto& untouched : {real, theirs, open, elsewhere}) EXPECT_TRUE(fs::is_empty(untouched)) << untouched;
    expect_direct(sandbox_.app());
}

// A directory named as the pin directory where others pin too: neither run nor uninstall touches what is theirs.
TEST_F(LifecycleStart, OtherPeoplesPins) {
    const auto shared = bpffs() + "/shared", theirs = shared + "/theirs";
    for (const auto& made : {shared, theirs}) check(mkdir(made.c_str(), 0700), made);
    ASSERT_EQ(run_process({"bpftool", "map", "create", theirs + "/map", "type", "array", "key", "4", "value", "4",
                           "entries", "1", "name", "theirs"})
                  .code,
              0);
    expect_refused(shared, "it holds theirs, which is not shunt's");
    const auto ran = run_process(words({"uninstall", "--drain", "0"}, shared));
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("it holds theirs, which is not shunt's"), std::string::npos) << to_text(ran);
    EXPECT_TRUE(fs::exists(theirs + "/map"));
    const RunningShunt beside(sandbox_, lifecycle_config());
    expect_proxied(sandbox_.app());
}

TEST_F(LifecycleStart, AProgramInTheWayIsNamed) {
    const ForeignProgram foreign(sandbox_.root_cgroup(), 7, 0);
    const auto ran = start(lifecycle_config("auto", "", "/mesh/app"));
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("program id " + std::to_string(foreign.id()) + " (t_foreign) attached to " +
                           sandbox_.root_cgroup() + " without BPF_F_ALLOW_MULTI"),
              std::string::npos)
        << to_text(ran);
    EXPECT_EQ(ran.err.find("could not be removed"), std::string::npos) << to_text(ran);
    EXPECT_TRUE(foreign.attached());
    expect_nothing_left();
    expect_direct(sandbox_.app());
}

TEST_F(LifecycleStart, ForeignProgramsAboveAndBelowGoOn) {
    const ScratchCgroup inner(sandbox_.app_cgroup() + "/inner");
    const ForeignProgram above(sandbox_.root_cgroup(), 7, BPF_F_ALLOW_MULTI);
    const ForeignProgram below(inner.path(), 8, BPF_F_ALLOW_MULTI);
    const auto place = in("app/inner");
    const auto error = [&](const char* destination) {
        return error_name(dial(place, {.destination = destination}).error);
    };
    {
        const RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app"));
        expect_proxied(place);
        EXPECT_EQ(error("203.0.113.9:8"), "EPERM") << "below sees what the application dials";
        EXPECT_EQ(error("198.51.100.7:7"), "EPERM") << "above sees what is bypassed";
        EXPECT_TRUE(above.attached());
        EXPECT_TRUE(below.attached());
    }
    EXPECT_TRUE(above.attached());
    EXPECT_TRUE(below.attached());
    EXPECT_EQ(error("203.0.113.9:7"), "EPERM");
    EXPECT_EQ(error("203.0.113.9:8"), "EPERM");
    expect_direct(place);
}

TEST_F(LifecycleStart, ExitCodes) {
    const auto without = [](const char* capabilities) {
        return std::vector<std::string>{"setpriv", std::string("--bounding-set=") + capabilities};
    };
    const auto no_bpf = start(lifecycle_config(), {}, without("-bpf,-sys_admin"));
    EXPECT_EQ(no_bpf.code, 5) << to_text(no_bpf);
    EXPECT_NE(no_bpf.err.find("CAP_BPF"), std::string::npos) << to_text(no_bpf);
    EXPECT_EQ(no_bpf.err.find("CAP_NET_ADMIN"), std::string::npos) << to_text(no_bpf);
    const auto no_net = start(lifecycle_config(), {}, without("-net_admin"));
    EXPECT_EQ(no_net.code, 5) << to_text(no_net);
    EXPECT_NE(no_net.err.find("CAP_NET_ADMIN"), std::string::npos) << to_text(no_net);
    EXPECT_EQ(no_net.err.find("CAP_BPF"), std::string::npos) << to_text(no_net);
    const auto invalid = start("proxy: { listen: 0.0.0.0:70000 }\n");
    EXPECT_EQ(invalid.code, 3) << to_text(invalid);
    EXPECT_NE(invalid.err.find("refused.yaml:1:"), std::string::npos) << to_text(invalid);
    const auto usage = run_process(words({"run", "--no-such-option"}));
    EXPECT_EQ(usage.code, 2) << to_text(usage);
    const auto no_cgroup = start(lifecycle_config("auto", "", "/mesh/no-such-cgroup"));
    EXPECT_EQ(no_cgroup.code, 1) << to_text(no_cgroup);
    EXPECT_NE(no_cgroup.err.find("capture.cgroups"), std::string::npos) << to_text(no_cgroup);
    expect_nothing_left();
}

}  // namespace
}  // namespace shunt::harness
