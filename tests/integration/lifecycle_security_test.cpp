// SPDX-License-Identifier: Apache-2.0
// What docs/security.md promises of the controller: whose configuration it takes, what it can still do once it is
// installed, and that names cannot write lines of its log.
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;

class LifecycleSecurity : public Lifecycle {
protected:
    Ran check_config(const std::string& path, const std::vector<std::string>& under = {}) const {
        auto line = under;
        for (const auto& word : words({"check", "-c", path})) line.push_back(word);
        return run_process(line);
    }
    // `run` names what is wrong and touches nothing; `check` warns of it.
    void expect_refused(const std::string& path, const std::string& why) const {
        const auto ran = shunt({"run", "-c", path});
        EXPECT_EQ(ran.code, 3) << to_text(ran);
        EXPECT_NE(ran.err.find(path + ": refused, " + why), std::string::npos) << to_text(ran);
        EXPECT_FALSE(fs::exists(sandbox_.pin_dir()));
        const auto checked = check_config(path);
        EXPECT_EQ(checked.code, 0) << to_text(checked);
        EXPECT_NE(checked.err.find(why), std::string::npos) << to_text(checked);
    }
    void expect_taken(const std::string& path, const std::vector<std::string>& under = {}) const {
        const auto ran = check_config(path, under);
        EXPECT_EQ(ran.code, 0) << to_text(ran);
        EXPECT_EQ(ran.err.find("refused"), std::string::npos) << to_text(ran);
    }
};

TEST_F(LifecycleSecurity, AConfigurationThatOthersCanChange) {
    const auto path = write("config.yaml", lifecycle_config());
    check(chmod(path.c_str(), 0646), path);
    expect_refused(path, "others can write to it (mode 0646)");
    check(chown(path.c_str(), 0, 1337), path);
    check(chmod(path.c_str(), 0664), path);
    expect_refused(path, "group 1337 can write to it (mode 0664)");
    check(chown(path.c_str(), 1337, 1337), path);
    check(chmod(path.c_str(), 0600), path);
    expect_refused(path, "belongs to uid 1337");
    expect_taken(path, {"env", "SUDO_UID=1337"});
    EXPECT_NE(check_config(path, {"env", "SUDO_UID=1338"}).err.find("refused"), std::string::npos);

    const auto open = sandbox_.directory() + "/open", inside = open + "/config.yaml";
    check(mkdir(open.c_str(), 0700), open);
    std::ofstream(inside) << sandbox_.localise(lifecycle_config());
    check(chmod(open.c_str(), 0777), open);
    expect_refused(inside, "its directory " + open + "/ is not safe: others can write to it (mode 0777)");
    check(chmod(open.c_str(), 01777), open);
    expect_taken(inside);

    // As a ConfigMap's volume: the directory of the link may be anything, that of the file counts.
    check(chmod(open.c_str(), 0777), open);
    const auto data = open + "/..data", link = open + "/shunt.yaml";
    check(mkdir(data.c_str(), 0755), data);
    fs::rename(inside, data + "/shunt.yaml");
    check(symlink("..data/shunt.yaml", link.c_str()), link);
    expect_taken(link);
}

TEST_F(LifecycleSecurity, AReloadOfSuchAConfigurationChangesNothing) {
    const DirectServer server(sandbox_, {80});
    const ProbeProxy proxy(sandbox_);
    const RunningShunt running(sandbox_, lifecycle_config());
    running.write_config(lifecycle_config("auto", "  excludeOutboundPorts: [80]\n"));
    check(chmod(running.config_path().c_str(), 0666), "chmod");
    const auto refused = shunt({"reload"});
    EXPECT_EQ(refused.code, 3) << to_text(refused);
    EXPECT_NE(refused.err.find("others can write to it"), std::string::npos) << to_text(refused);
    expect_proxied(sandbox_.app());
    check(chmod(running.config_path().c_str(), 0644), "chmod");
    const auto taken = shunt({"reload"});
    EXPECT_EQ(taken.code, 0) << to_text(taken);
    expect_direct(sandbox_.app());
}

std::string field_of(const std::string& status_file, const std::string& name) {
    std::ifstream file(status_file);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name + ":")) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    return "no " + name;
}

// All threads; and what is left suffices for what a controller does later: new cgroups, larger tables, an answer.
TEST_F(LifecycleSecurity, PrivilegesAreGivenUp) {
    const ProbeProxy proxy(sandbox_);
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app"));
    const std::uint64_t used =
        std::uint64_t{1} << CAP_BPF | std::uint64_t{1} << CAP_PERFMON | std::uint64_t{1} << CAP_NET_ADMIN;
    const std::uint64_t kept = used | std::uint64_t{1} << CAP_SYS_RESOURCE;  // which a container may lack
    int threads = 0;
    for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(running.pid()) + "/task")) {
        const auto file = thread.path() / "status";
        for (const auto* set : {"CapEff", "CapPrm", "CapBnd"})
            EXPECT_EQ(std::stoull(field_of(file, set), nullptr, 16) & ~kept, 0u) << set << " of " << file;
        EXPECT_EQ(std::stoull(field_of(file, "CapEff"), nullptr, 16) & used, used);
        for (const auto* set : {"CapInh", "CapAmb"})
            EXPECT_EQ(std::stoull(field_of(file, set), nullptr, 16), 0u) << set << " of " << file;
        EXPECT_EQ(field_of(file, "NoNewPrivs"), "1");
        ++threads;
    }
    EXPECT_GE(threads, 2);
    fs::create_directory(sandbox_.root_cgroup() + "/late");
    std::string ports = "  excludeOutboundPorts: [";
    for (int port = 2000; port < 2500; ++port) ports += std::to_string(port) + ", ";
    running.reload(lifecycle_config("record", ports + "22]\n", "/mesh/app, /mesh/late"));
    expect_proxied(in("late"));
    EXPECT_EQ(status().at("state"), "protected");
    running.uninstall();
    fs::remove(sandbox_.root_cgroup() + "/late");
}

// A name from the configuration, from Envoy or from a pod's annotations may hold any character.
TEST_F(LifecycleSecurity, NamesDoNotWriteLinesOfTheLog) {
    RunningShunt running(sandbox_, lifecycle_config());
    running.write_config(lifecycle_config() +
                         "listeners:\n- { port: 80, cluster: \"a\\n2026-01-01 00:00:00 [info] ready\\e[2J\\r\" }\n");
    const auto refused = shunt({"reload"});
    EXPECT_EQ(refused.code, 3) << to_text(refused);
    EXPECT_NE(refused.err.find("2026-01-01"), std::string::npos) << "it is about that name: " << to_text(refused);
    for (const auto& text : {refused.err, running.log()}) {
        EXPECT_EQ(text.find("\n2026-01-01"), std::string::npos) << text;
        EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
        EXPECT_EQ(text.find('\r'), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace shunt::harness
