// SPDX-License-Identifier: Apache-2.0
// What a reload may and may not do: all of a new configuration, or nothing.
#include <linux/bpf.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "lifecycle_fixture.h"
#include "telemetry/snapshot.h"

namespace shunt::harness {
namespace {

class LifecycleReload : public Lifecycle {
protected:
    const DirectServer server_{sandbox_, {80, 9080}};
    const ProbeProxy proxy_{sandbox_};
};

TEST_F(LifecycleReload, ByCommandAndBySignal) {
    RunningShunt running(sandbox_, lifecycle_config());
    const std::uint64_t first = status().at("generation");
    expect_proxied(sandbox_.app());

    running.write_config(lifecycle_config("auto", "  excludeOutboundPorts: [80]\n"));
    const auto ran = shunt({"reload", "-o", "json"});
    ASSERT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_EQ(nlohmann::json::parse(ran.out).at("generation"), first + 1);
    EXPECT_EQ(status().at("generation"), first + 1);
    expect_direct(sandbox_.app());

    running.reload(lifecycle_config());  // SIGHUP
    EXPECT_EQ(status().at("generation"), first + 2);
    expect_proxied(sandbox_.app());

    running.kill9();
    const auto unreachable = shunt({"reload"});
    EXPECT_EQ(unreachable.code, 6) << to_text(unreachable);
    expect_proxied(sandbox_.app());
}

TEST_F(LifecycleReload, ABrokenFileChangesNothing) {
    RunningShunt running(sandbox_, lifecycle_config());
    expect_proxied(sandbox_.app());
    const auto before = status();
    running.write_config(
        "proxy:\n  listen: 0.0.0.0:15001\n  identty: { uids: [1337] }\ncapture: { cgroups: [/mesh] }\n");
    const auto ran = shunt({"reload"});
    EXPECT_EQ(ran.code, 3) << to_text(ran);
    EXPECT_NE(ran.err.find(running.config_path() + ":3:3: "), std::string::npos) << to_text(ran);
    EXPECT_NE(ran.err.find("identity"), std::string::npos) << "the nearest valid name: " << to_text(ran);
    const auto after = status();
    for (const char* same : {"state", "generation", "links", "tables", "runs", "verdicts", "proxy"})
        EXPECT_EQ(before.at(same), after.at(same)) << same;
    EXPECT_EQ(after.at("controller").at("failedReloads"), 1);
    EXPECT_NE(after.at("controller").at("lastError").get<std::string>().find(":3:3: "), std::string::npos);
    expect_proxied(sandbox_.app());
}

TEST_F(LifecycleReload, CgroupsComeAndGo) {
    const ScratchCgroup second(sandbox_.root_cgroup() + "/second");
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app"));
    const auto one = links();
    expect_proxied(in("app"));
    expect_direct(in("second"));
    running.reload(lifecycle_config("auto", "", "/mesh/app, /mesh/second"));
    EXPECT_GT(links().size(), one.size());
    expect_proxied(in("app"));
    expect_proxied(in("second"));
    running.reload(lifecycle_config("auto", "", "/mesh/app"));
    EXPECT_EQ(links(), one) << "what stayed was not touched, the rest is detached";
    expect_proxied(in("app"));
    expect_direct(in("second"));
}

// A reader finds pins that go between its listing and its opening, and tables that are put in place of smaller ones.
TEST_F(LifecycleReload, ReadersBesideItSeeOneGeneration) {
    const ScratchCgroup second(sandbox_.root_cgroup() + "/second");
    const auto small = lifecycle_config("auto", "", "/mesh/app");
    std::string ports = "  excludeOutboundPorts: [";
    for (int port = 9081; port < 9181; ++port) ports += std::to_string(port) + (port == 9180 ? "]\n" : ", ");
    const auto large = lifecycle_config("auto", ports, "/mesh/app, /mesh/second");
    RunningShunt running(sandbox_, small);
    const auto links_of_one = status().at("links").size();
    const auto first = status().at("generation").get<std::uint64_t>();
    std::atomic<bool> over = false;
    std::jthread reloads([&] {
        for (int round = 0; round < 12; ++round) running.reload(round % 2 == 0 ? large : small);
        over = true;
    });
    std::set<std::uint64_t> seen;
    while (!over) {
        const auto now = telemetry::read_snapshot({sandbox_.pin_dir(), sandbox_.run_dir()});
        ASSERT_TRUE(now) << now.error().message;
        seen.insert(now->generation);
        EXPECT_TRUE(now->links.size() >= links_of_one && now->links.size() <= 2 * links_of_one) << now->links.size();
        for (const auto& table : now->tables) {
            if (table.name != "shunt_ports") continue;
            EXPECT_EQ(table.entries > 50, (now->generation - first) % 2 == 1) << table.entries;
        }
    }
    EXPECT_GT(seen.size(), 5u);
}

TEST_F(LifecycleReload, ACgroupThatCannotBeAttachedKeepsTheOld) {
    const ScratchCgroup blocked(sandbox_.root_cgroup() + "/blocked");
    const ScratchCgroup inner(blocked.path() + "/inner");
    const ForeignProgram foreign(blocked.path(), 7, 0);
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app"));
    const auto before = status();
    running.write_config(
        lifecycle_config("record", "  excludeOutboundPorts: [80]\n", "/mesh/app, /mesh/blocked/inner"));
    const auto ran = shunt({"reload"});
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    // Its name would take CAP_SYS_ADMIN, which a controller has given up by now.
    EXPECT_NE(ran.err.find("program id " + std::to_string(foreign.id()) + " attached to " + blocked.path()),
              std::string::npos)
        << to_text(ran);
    const auto after = status();
    EXPECT_EQ(before.at("generation"), after.at("generation"));
    EXPECT_EQ(before.at("links"), after.at("links"));
    EXPECT_TRUE(foreign.attached());
    expect_proxied(in("app"));
    expect_direct(in("blocked/inner"));
    running.reload(lifecycle_config("record", "", "/mesh/app"));
    expect_proxied(in("app"));
}

// A table that cannot be made: here the place of its pin is taken. Nothing is switched, and a later reload is whole.
TEST_F(LifecycleReload, ATableThatCannotBeMadeKeepsTheOld) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto before = status();
    const auto directory = before.at("pinDirectory").get<std::string>();
    const std::uint64_t generation = before.at("generation");
    const auto pin = directory + "/shunt_ports_" + std::to_string((generation + 1) & 1);
    unlink(pin.c_str());
    check(mkdir(pin.c_str(), 0700), pin);
    running.write_config(lifecycle_config("auto", "  excludeOutboundPorts: [80, 9080]\n"));
    const auto ran = shunt({"reload"});
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_NE(ran.err.find("shunt_ports"), std::string::npos) << "the table is named: " << to_text(ran);
    EXPECT_EQ(status().at("generation"), generation);
    expect_proxied(sandbox_.app());
    check(rmdir(pin.c_str()), pin);
    ASSERT_EQ(shunt({"reload"}).code, 0);
    EXPECT_EQ(status().at("generation"), generation + 1);
    expect_direct(sandbox_.app());
}

// A controller that ends between putting a new map in its place and pinning it leaves an older one pinned: what is
// written there, nobody reads.
TEST_F(LifecycleReload, APinnedTableThatIsNotInPlaceIsMadeAnew) {
    RunningShunt running(sandbox_, lifecycle_config());
    running.reload(lifecycle_config());  // both banks have their maps
    const auto before = status();
    const auto pin = before.at("pinDirectory").get<std::string>() + "/shunt_ports_" +
                     std::to_string((before.at("generation").get<std::uint64_t>() + 1) & 1);
    running.kill9();
    const auto shown = run_process({"bpftool", "-j", "map", "show", "pinned", pin});
    ASSERT_EQ(shown.code, 0) << to_text(shown);
    const auto map = nlohmann::json::parse(shown.out);
    check(unlink(pin.c_str()), pin);
    const auto number = [&](const char* field) { return std::to_string(map.at(field).get<unsigned>()); };
    const auto made =
        run_process({"bpftool", "map", "create", pin, "type", map.at("type"), "key", number("bytes_key"), "value",
                     number("bytes_value"), "entries", number("max_entries"), "name", "shunt_ports"});
    ASSERT_EQ(made.code, 0) << to_text(made);
    running.write_config(lifecycle_config("auto", "  excludeOutboundPorts: [80, 9080]\n"));
    running.start();
    expect_direct(sandbox_.app());
    running.reload(lifecycle_config());
    expect_proxied(sandbox_.app());
    running.reload(lifecycle_config("auto", "  excludeOutboundPorts: [80, 9080]\n"));
    expect_direct(sandbox_.app());
}

// What somebody else detached, and a cgroup that was removed and made again, is seen by status without a controller,
// and mended by the next start.
TEST_F(LifecycleReload, MendsWhatWasDetached) {
    std::optional<ScratchCgroup> again(sandbox_.root_cgroup() + "/again");
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app, /mesh/again"));
    running.kill9();
    const auto all = links();
    const auto link =
        std::find_if(all.begin(), all.end(), [](const auto& one) { return one.first.starts_with("shunt_connect4_"); });
    ASSERT_NE(link, all.end());
    ASSERT_EQ(run_process({"bpftool", "link", "detach", "id", std::to_string(link->second)}).code, 0);
    again.reset();
    again.emplace(sandbox_.root_cgroup() + "/again");
    auto ran = shunt({"status", "-o", "json"});
    EXPECT_EQ(ran.code, 1) << to_text(ran);
    EXPECT_EQ(nlohmann::json::parse(ran.out).at("state"), "unprotected") << to_text(ran);
    running.start();
    ran = shunt({"status", "-o", "json"});
    EXPECT_EQ(ran.code, 0) << to_text(ran);
    EXPECT_EQ(links().size(), all.size());
    expect_proxied(in("app"));
    expect_proxied(in("again"));
}

// A restart is as strict as a reload: what was in force stays in force.
TEST_F(LifecycleReload, ARestartThatFailsKeepsTheOld) {
    const ScratchCgroup blocked(sandbox_.root_cgroup() + "/blocked");
    const ForeignProgram foreign(blocked.path(), 7, 0);
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app"));
    running.kill9();
    const std::uint64_t generation = status().at("generation");
    const auto before = links();
    const std::pair<std::string, int> wrong[] = {
        {"proxy: { listen: 0.0.0.0 }\n", 3},
        {lifecycle_config("auto", "", "/mesh/gone"), 1},
        {lifecycle_config("record", "  excludeOutboundPorts: [80]\n", "/mesh/app, /mesh/blocked"), 1},
    };
    for (const auto& [config, code] : wrong) {
        const auto ran = shunt({"run", "-c", write("wrong.yaml", config)});
        EXPECT_EQ(ran.code, code) << to_text(ran);
        EXPECT_EQ(status().at("state"), "protected");
        EXPECT_EQ(status().at("generation"), generation);
        EXPECT_EQ(links(), before);
        expect_proxied(in("app"));
    }
    running.start();
    EXPECT_EQ(links(), before);
    expect_proxied(in("app"));
}

}  // namespace
}  // namespace shunt::harness
