// SPDX-License-Identifier: Apache-2.0
// What others take away while the controller runs: back within moments, said once, counted; and while a removed pin is
// missing, no connection passes the proxy.
#include <linux/bpf.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "lifecycle_fixture.h"

namespace shunt::harness {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class LifecycleRepair : public Lifecycle {
protected:
    void TearDown() override { EXPECT_EQ(shunt({"uninstall"}).code, 0); }

    nlohmann::json controller() const { return status().at("controller"); }

    // The look that repairs comes several times a second; how long that may take on a busy machine is not the question.
    template <class Condition>
    static void eventually(Condition condition, const char* what) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
            std::this_thread::sleep_for(20ms);
        }
    }
    std::string pins() const { return status().at("pinDirectory"); }
    void detach(const std::string& prefix) const {
        for (const auto& [pin, id] : links())
            if (pin.starts_with(prefix)) {
                ASSERT_EQ(run_process({"bpftool", "link", "detach", "id", std::to_string(id)}).code, 0);
                return;
            }
        FAIL() << "no link " << prefix;
    }
    static std::size_t occurrences(const std::string& text, const std::string& words) {
        std::size_t count = 0;
        for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; at += words.size()) ++count;
        return count;
    }

    const DirectServer server_{sandbox_, {80}};
    const ProbeProxy proxy_{sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}}};
};

TEST_F(LifecycleRepair, DetachedLinks) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto count = links().size();
    for (std::uint64_t times = 1; times <= 3; ++times) {
        detach("shunt_connect4_");
        eventually([&] { return controller().at("repairs") == times; }, "the repair is counted");
        EXPECT_EQ(status().at("state"), "protected");
        EXPECT_EQ(links().size(), count);
        expect_proxied(sandbox_.app());
    }
    EXPECT_EQ(occurrences(running.log(), "repaired: shunt_connect4"), 2u) << "the first and the second, not the third\n"
                                                                          << running.log();
    EXPECT_TRUE(controller().at("broken").empty());
}

// A program that lets everything pass, in our link's place: nothing is seen any more, and nothing is detached.
TEST_F(LifecycleRepair, ExchangedPrograms) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto before = links("program");
    const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
    const Fd program(check(
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "t_intruder", "GPL", code, std::size(code), &opts), "load"));
    const auto exchange = [&] {
        for (const auto& entry : fs::directory_iterator(pins() + "/links")) {
            if (!entry.path().filename().string().starts_with("shunt_connect4_")) continue;
            const Fd link(check(bpf_obj_get(entry.path().c_str()), entry.path()));
            check(bpf_link_update(link.get(), program.get(), nullptr), "exchange");
        }
    };
    exchange();
    eventually([&] { return controller().at("repairs") == 1; }, "the repair is counted");
    EXPECT_EQ(links("program"), before);
    EXPECT_EQ(occurrences(running.log(), "was exchanged for program"), 1u) << running.log();
    expect_proxied(sandbox_.app());

    running.stop();  // nobody repairs now
    exchange();
    expect_direct(sandbox_.app());
    const auto red = shunt({"status"});
    EXPECT_EQ(red.code, 1) << to_text(red);
    EXPECT_NE(red.out.find("unprotected"), std::string::npos) << to_text(red);
    EXPECT_NE(red.out.find("runs another program, t_intruder"), std::string::npos) << to_text(red);
    const auto broken = shunt({"doctor", "--no-probe"});
    EXPECT_EQ(broken.code, 1) << to_text(broken);
    EXPECT_NE(broken.out.find("runs another program, t_intruder"), std::string::npos) << to_text(broken);
    running.start();
    EXPECT_EQ(shunt({"status"}).code, 0);
    expect_proxied(sandbox_.app());
}

// The controller's descriptors keep what has lost its pin, so that there is nothing to notice for traffic.
TEST_F(LifecycleRepair, RemovedPins) {
    RunningShunt running(sandbox_, lifecycle_config());
    const auto before = links();
    const auto directory = pins();
    const auto count = [&] {
        std::size_t files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(sandbox_.pin_dir()))
            files += entry.is_directory() ? 0 : 1;
        return files;
    };
    const auto files = count();
    fs::remove_all(sandbox_.pin_dir());
    for (int i = 0; i < 20; ++i) expect_proxied(sandbox_.app());
    eventually([&] { return fs::exists(directory + "/links") && links() == before; }, "all links are pinned again");
    eventually([&] { return shunt({"status"}).code == 0; }, "all is well");
    eventually([&] { return count() == files; }, "the iterators, which come last, are pinned too");
    EXPECT_GE(controller().at("repairs"), files - 1) << "each, the two iterators as one";
    EXPECT_EQ(run_process(words({"run", "-c", running.config_path()}, {}, sandbox_.directory() + "/run2")).code, 1)
        << "the new directory is locked";
    EXPECT_EQ(shunt({"reload"}).code, 0);
    running.kill9();
    running.start();
    EXPECT_EQ(links(), before) << "adopted";
    expect_proxied(sandbox_.app());
}

TEST_F(LifecycleRepair, CapturedCgroupMadeAgain) {
    std::optional<ScratchCgroup> again(sandbox_.root_cgroup() + "/again");
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app, /mesh/again"));
    const auto count = links().size();
    expect_proxied(in("again"));
    again.reset();
    eventually([&] { return !controller().at("broken").empty(); }, "what is missing is named");
    const auto red = shunt({"status", "-o", "json"});
    EXPECT_EQ(red.code, 1) << to_text(red);
    EXPECT_NE(red.out.find("/again"), std::string::npos) << to_text(red);
    const auto doctor = shunt({"doctor", "--no-probe"});
    EXPECT_EQ(doctor.code, 1) << to_text(doctor);
    EXPECT_NE(doctor.out.find("its cgroup was removed"), std::string::npos) << to_text(doctor);
    EXPECT_EQ(occurrences(running.log(), "cannot be repaired"), 1u) << running.log();
    detach("shunt_connect6_");
    eventually([&] { return controller().at("repairs") == 1; }, "what can be repaired is, meanwhile");
    again.emplace(sandbox_.root_cgroup() + "/again");
    eventually([&] { return controller().at("broken").empty(); }, "captured again");
    EXPECT_EQ(status().at("state"), "protected");
    EXPECT_EQ(status().at("controller").at("generation"), status().at("generation"));
    EXPECT_EQ(links().size(), count);
    expect_proxied(in("again"));
}

// After the switch nothing makes a reload refused. What could not be detached does not keep what can be, is named while
// it is there, and counted when it is gone.
TEST_F(LifecycleRepair, ALinkThatCannotBeDetached) {
    const ScratchCgroup second(sandbox_.root_cgroup() + "/second");
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app, /mesh/second"));
    const auto generation = status().at("generation").get<std::uint64_t>();
    const auto repairs = controller().at("repairs").get<std::uint64_t>();
    const auto stuck = pins() + "/links/shunt_connect4_1";  // a directory: no link, and not to be unlinked
    check(mkdir(stuck.c_str(), 0700), stuck);
    running.write_config(lifecycle_config("auto", "", "/mesh/app"));
    const auto ran = shunt({"reload"});
    EXPECT_EQ(ran.code, 0) << to_text(ran);
    expect_proxied(in("app"));
    expect_direct(in("second"));
    EXPECT_NE(running.log().find("shunt_connect4_1"), std::string::npos) << running.log();
    eventually([&] { return running.log().find("cannot be repaired: ") != std::string::npos; }, "it is named");
    EXPECT_EQ(rmdir(stuck.c_str()), 0);
    eventually([&] { return controller().at("broken").empty(); }, "it is gone");
    EXPECT_EQ(controller().at("repairs"), repairs + 1);
    EXPECT_EQ(controller().at("failedReloads"), 0);
    EXPECT_EQ(status().at("generation"), generation + 1);
    for (const auto& [pin, id] : links()) EXPECT_FALSE(pin.ends_with("_1")) << pin;
}

// Nobody repairs, and nothing is left that names the cgroup: how many there were is known all the same.
TEST_F(LifecycleRepair, AllPinsOfOneCgroupRemovedWithoutAController) {
    const ScratchCgroup second(sandbox_.root_cgroup() + "/second");
    RunningShunt running(sandbox_, lifecycle_config("auto", "", "/mesh/app, /mesh/second"));
    expect_proxied(in("second"));
    running.stop();
    struct stat directory {};
    check(stat(second.path().c_str(), &directory), second.path());
    const auto suffix = "_" + std::to_string(directory.st_ino), folder = pins() + "/links/";
    for (const auto& [pin, id] : links())
        if (pin.ends_with(suffix)) fs::remove(folder + pin);
    const auto outcome = [&] { return dial(in("second"), {.destination = "203.0.113.9:80"}); };
    eventually([&] { return outcome().line.starts_with("direct "); }, "the kernel lets go of the links");
    const auto red = shunt({"status"});
    EXPECT_EQ(red.code, 1) << to_text(red);
    EXPECT_NE(red.out.find("of 2 captured cgroups 1 have no link"), std::string::npos) << to_text(red);
    running.start();
    EXPECT_EQ(shunt({"status"}).code, 0);
    expect_proxied(in("second"));
}

// The proxy's cgroup stands in the settings too: the new one is recognised, or its own connections would be captured.
TEST_F(LifecycleRepair, ProxyCgroupMadeAgain) {
    const auto path = sandbox_.root_cgroup() + "/sidecar";
    std::optional<ScratchCgroup> sidecar(path);
    auto config = lifecycle_config();
    config.replace(config.find("/mesh/proxy"), std::string("/mesh/proxy").size(), "/mesh/sidecar");
    RunningShunt running(sandbox_, config);
    expect_direct(in("sidecar"));
    sidecar.reset();
    sidecar.emplace(path);
    eventually([&] { return controller().at("repairs") >= 1; }, "the new cgroup is seen");
    expect_direct(in("sidecar"));
    EXPECT_EQ(status().at("state"), "protected");
}

}  // namespace
}  // namespace shunt::harness
