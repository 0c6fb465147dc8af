// SPDX-License-Identifier: Apache-2.0
// doctor in a world that is whole, and in the same world with one thing broken.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "harness/dial.h"
#include "harness/error.h"
#include "harness/listen.h"
#include "harness/sandbox.h"
#include "harness/servers.h"
#include "harness/shunt.h"

namespace shunt::harness {
namespace {

using Json = nlohmann::json;

class Doctor : public testing::Test {
protected:
    Doctor() : app_(sandbox_.app(), [](int control) { receive_text(control); }) {}

    static std::string config(const std::string& listen = "0.0.0.0:15001") {
        return "proxy:\n  listen: " + listen +
               "\n  identity: { cgroup: /mesh/proxy }\n"
               "capture:\n  cgroups: [/mesh]\n";
    }

    // Its JSON, with the exit code as "exit".
    Json ask(const RunningShunt& shunt, std::vector<std::string> more = {"--no-probe"}) const {
        std::vector<std::string> words{"/bin/sh", "-c", "\"$@\"; echo \"exit $?\"", "sh"};
        more.insert(more.begin(), {"doctor", "-o", "json"});
        for (const auto& word : shunt.command_line(more)) words.push_back(word);
        const auto printed = run_command(sandbox_.client_side(), words);
        const auto end = printed.rfind("exit ");
        auto json = Json::parse(printed.substr(0, end));
        json["exit"] = std::stoi(printed.substr(end + 5));
        return json;
    }

    static Json findings(const Json& answer, const std::string& state) {
        Json found = Json::array();
        for (const auto& finding : answer.at("findings"))
            if (finding.at("state") == state) found.push_back(finding);
        return found;
    }

    static void expect_broken(const Json& answer, const std::string& check, const std::string& detail,
                              const std::string& remedy) {
        EXPECT_EQ(answer.at("exit"), 1);
        EXPECT_EQ(answer.at("state"), "broken");
        const auto broken = findings(answer, "broken");
        ASSERT_EQ(broken.size(), 1u) << answer.at("findings").dump(2);
        EXPECT_EQ(broken[0].at("check"), check);
        EXPECT_NE(broken[0].at("detail").get<std::string>().find(detail), std::string::npos) << broken.dump(2);
        EXPECT_NE(broken[0].at("remedy").get<std::string>().find(remedy), std::string::npos) << broken.dump(2);
    }

    static void expect_healthy(const Json& answer) {
        EXPECT_EQ(answer.at("exit"), 0) << answer.at("findings").dump(2);
        EXPECT_TRUE(findings(answer, "broken").empty()) << answer.at("findings").dump(2);
    }

    const Sandbox sandbox_;
    const Child app_;  // a captured process, whose network namespace is looked at
};

TEST_F(Doctor, Healthy) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    for (const auto& more : {std::vector<std::string>{}, std::vector<std::string>{"-c", shunt.config_path()}}) {
        const auto answer = ask(shunt, more);
        expect_healthy(answer);
        std::map<std::string, std::string> states;
        for (const auto& finding : answer.at("findings")) states[finding.at("check")] = finding.at("state");
        for (const char* check : {"privileges", "installation", "controller", "links", "programs", "network.lo",
                                  "proxy.listening", "proxy.cgroup", "connections", "probe"})
            EXPECT_EQ(states[check], "ok") << check << answer.at("findings").dump(2);
        EXPECT_EQ(answer.at("features").at("cgroupLinks"), true);
        // A kernel under test may have no packet filter at all.
        EXPECT_EQ(states["network.rules"], std::getenv("VM_GUEST") ? states["network.rules"] : "ok");
    }
}

TEST_F(Doctor, ProbeTouchesNothing) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    const auto before = shunt.counters();
    expect_healthy(ask(shunt, {}));
    EXPECT_EQ(shunt.counters().since(before).runs, 0u);
    EXPECT_EQ(proxy.counts().accepted, 0u);
}

TEST_F(Doctor, LinkDetachedBehindTheBack) {
    const ProbeProxy proxy(sandbox_);
    RunningShunt shunt(sandbox_, config());
    const auto status = Json::parse(shunt.command({"status", "-o", "json"}));
    const auto pins = status.at("pinDirectory").get<std::string>() + "/links/";
    shunt.stop();  // a running controller would attach it again
    for (const auto& link : status.at("links")) {
        const auto pin = link.at("pin").get<std::string>();
        if (pin.rfind("shunt_connect4_", 0) == 0) run_command({}, {"bpftool", "link", "detach", "pinned", pins + pin});
    }
    expect_broken(ask(shunt), "links", "was detached behind the controller's back", "restart 'shunt run'");
    expect_broken(ask(shunt, {"--no-probe", "-c", shunt.config_path()}), "links", "shunt_connect4 on ",
                  "restart 'shunt run'");
    // The remedy, and it is one.
    shunt.stop();
    shunt.start();
    expect_healthy(ask(shunt));
}

TEST_F(Doctor, PinRemoved) {
    const ProbeProxy proxy(sandbox_);
    RunningShunt shunt(sandbox_, config());
    const auto status = Json::parse(shunt.command({"status", "-o", "json"}));
    const auto links = status.at("pinDirectory").get<std::string>() + "/links/";
    shunt.stop();  // a running controller would pin it again
    run_command({}, {"/bin/sh", "-c", "rm " + links + "shunt_connect6_*"});
    expect_broken(ask(shunt), "links", "shunt_connect6", "restart 'shunt run'");
}

TEST_F(Doctor, ProxyNotListening) {
    const RunningShunt shunt(sandbox_, config());
    expect_broken(ask(shunt), "proxy.listening", "nothing listens on 0.0.0.0:15001", "start the proxy");
}

TEST_F(Doctor, ProxyOnLoopbackOnly) {
    const ProbeProxy proxy(sandbox_, {.listen = {"127.0.0.1:15001"}});
    const RunningShunt shunt(sandbox_, config());
    expect_broken(ask(shunt), "proxy.listening", "127.0.0.1:15001: redirected connections do not reach it",
                  "let the proxy listen on 0.0.0.0:15001");
}

TEST_F(Doctor, DualStackListenerServesV4AndV6OnlyDoesNot) {
    const RunningShunt shunt(sandbox_, config());
    {
        const ProbeProxy dual(sandbox_, {.listen = {"dual:15001"}});
        expect_healthy(ask(shunt));
    }
    const ProbeProxy v6only(sandbox_, {.listen = {"[::]:15001"}});
    expect_broken(ask(shunt), "proxy.listening", "[::]:15001", "0.0.0.0:15001");
}

TEST_F(Doctor, ProxyOutsideItsCgroup) {
    const ProbeProxy proxy(sandbox_.app(), {});
    const RunningShunt shunt(sandbox_, config());
    expect_broken(ask(shunt), "proxy.cgroup", "not in the proxy's cgroup", "shunt exec --as proxy");
}

// A process that listens on the proxy's port, and moves from one cgroup to another afterwards.
Child moved_listener(const Sandbox& sandbox, const std::string& made_in, const std::string& moved_to) {
    Placement place = sandbox.client_side();
    place.cgroup = made_in;
    Child child(place, [=](int control) {
        const auto held = listen_on("0.0.0.0:15001");
        std::ofstream(moved_to + "/cgroup.procs") << getpid() << std::flush;
        send_text(control, "listening");
        receive_text(control);
    });
    receive_text(child.control());
    return child;
}

TEST_F(Doctor, ListenerMadeOutsideTheProxysCgroup) {
    const auto proxy = moved_listener(sandbox_, sandbox_.app_cgroup(), sandbox_.proxy_cgroup());
    const RunningShunt shunt(sandbox_, config());
    expect_broken(ask(shunt), "proxy.cgroup", "made its socket in " + sandbox_.app_cgroup() + ", not in",
                  "shunt exec --as proxy");
}

TEST_F(Doctor, ProxyThatLeftItsCgroup) {
    const auto proxy = moved_listener(sandbox_, sandbox_.proxy_cgroup(), sandbox_.app_cgroup());
    const RunningShunt shunt(sandbox_, config());
    expect_broken(ask(shunt), "proxy.cgroup", "but is in " + sandbox_.app_cgroup() + " now", "leave it there");
}

// Attached only where a configuration needs them; where it does, their absence is seen without that file.
TEST_F(Doctor, PinsThatDependOnTheConfiguration) {
    const ProbeProxy proxy(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}});
    RunningShunt shunt(
        sandbox_, config("[0.0.0.0:15001, \"[::]:15001\"]") + "  clientAddress: [192.0.2.2, \"2001:db8:ffff::2\"]\n");
    expect_healthy(ask(shunt));
    const auto status = Json::parse(shunt.command({"status", "-o", "json"}));
    const auto links = status.at("pinDirectory").get<std::string>() + "/links/";
    shunt.stop();  // a running controller would pin them again
    for (const std::string program : {"shunt_sockops", "shunt_sockname6"}) {
        run_command({}, {"/bin/sh", "-c", "mv " + links + program + "_* " + links + "../moved"});
        expect_broken(ask(shunt), "links", program, "restart 'shunt run'");
        std::string id;
        for (const auto& link : status.at("links"))
            if (const auto pin = link.at("pin").get<std::string>(); pin.starts_with(program)) id = pin;
        run_command({}, {"mv", links + "../moved", links + id});
    }
}

TEST_F(Doctor, LoDown) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    run_command(sandbox_.client_side(), {"ip", "link", "set", "lo", "down"});
    expect_broken(ask(shunt), "network.lo", "lo is down", "ip link set lo up");
    // The probe has a lo of its own: it says that the programs are right, the namespace is not.
    expect_broken(ask(shunt, {}), "network.lo", "lo is down", "ip link set lo up");
}

TEST_F(Doctor, MasqueradeOfEverything) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    run_command(sandbox_.client_side(), {"nft", "-f", "-"},
                "table ip t { chain c { type nat hook postrouting priority 100; oifname != \"lo\" masquerade\n}\n}\n");
    expect_healthy(ask(shunt));
    run_command(sandbox_.client_side(), {"nft", "add", "rule", "ip", "t", "c", "counter", "masquerade"});
    expect_broken(ask(shunt), "network.rules", "masquerade", "exclude lo");
    run_command(sandbox_.client_side(), {"nft", "flush", "ruleset"});
    run_command(sandbox_.client_side(), {"iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE"});
    expect_broken(ask(shunt), "network.rules", "-A POSTROUTING -j MASQUERADE", "exclude lo");
}

// "return 1", as a load balancer's program would be found.
Fd attach_foreign(const std::string& name, const std::string& cgroup) {
    bpf_insn code[2] = {};
    code[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    code[0].imm = 1;
    code[1].code = BPF_JMP | BPF_EXIT;
    LIBBPF_OPTS(bpf_prog_load_opts, opts);
    opts.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
    const Fd program(check(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, name.c_str(), "GPL", code, 2, &opts), name));
    const Fd directory(check(open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup));
    return Fd(check(bpf_link_create(program.get(), directory.get(), BPF_CGROUP_INET4_CONNECT, nullptr), "link"));
}

TEST_F(Doctor, ForeignPrograms) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    const auto other = attach_foreign("somebody", sandbox_.root_cgroup());
    auto answer = ask(shunt);
    expect_healthy(answer);
    EXPECT_NE(findings(answer, "info").dump().find("another's program somebody (id "), std::string::npos);
    const auto cilium = attach_foreign("cil_sock4_conne", sandbox_.root_cgroup());
    answer = ask(shunt);
    expect_healthy(answer);
    const auto warnings = findings(answer, "warn").dump();
    EXPECT_NE(warnings.find("cil_sock4_conne"), std::string::npos) << warnings;
    EXPECT_NE(warnings.find("socketLB.hostNamespaceOnly=true"), std::string::npos) << warnings;
}

TEST_F(Doctor, ConnectionsMadeBefore) {
    const ProbeProxy proxy(sandbox_);
    const Child server(sandbox_.server_side(), [](int control) {
        const auto held = listen_on("0.0.0.0:9000");
        send_text(control, "listening");
        receive_text(control);
    });
    receive_text(server.control());
    const Dial early{.destination = "203.0.113.5:9000"};
    const Child client(sandbox_.app(), [&](int control) {
        const Fd fd(check(open_socket(early), "socket"));
        send_text(control, error_name(connect_socket(fd.get(), early)));
        receive_text(control);
    });
    EXPECT_EQ(receive_text(client.control()), "0");
    const RunningShunt shunt(sandbox_, config());
    const auto answer = ask(shunt);
    expect_healthy(answer);
    for (const auto& finding : answer.at("findings"))
        if (finding.at("check") == "connections") {
            EXPECT_EQ(finding.at("state"), "info");
            EXPECT_EQ(finding.at("detail").get<std::string>().rfind("1 open connection(s) past the proxy", 0), 0u)
                << finding;
            EXPECT_NE(finding.at("detail").get<std::string>().find(early.destination), std::string::npos) << finding;
        }
}

TEST_F(Doctor, NothingInstalled) {
    std::vector<std::string> words{shunt_binary(), "--pin-dir", sandbox_.pin_dir(), "doctor", "-o", "json"};
    const auto answer = Json::parse(run_command(sandbox_.client_side(), words));  // throws unless it ends with 0
    EXPECT_NE(answer.at("state"), "broken");
    EXPECT_EQ(findings(answer, "info").empty(), false);
}

// A thousand pods have a thousand network namespaces; the programs that list rules are run in some of them only.
TEST_F(Doctor, RulesAreReadInThirtyTwoNamespaces) {
    const ProbeProxy proxy(sandbox_);
    const RunningShunt shunt(sandbox_, config());
    std::vector<Child> pods;
    for (int i = 0; i < 34; ++i)
        pods.emplace_back(Placement{.netns = {}, .cgroup = sandbox_.app_cgroup()}, [](int control) {
            check(unshare(CLONE_NEWNET), "unshare");
            send_text(control, "there");
            receive_text(control);
        });
    for (const auto& pod : pods) ASSERT_EQ(receive_text(pod.control()), "there");
    std::size_t looked_at = 0, rules = 0;
    std::string rest;
    const auto answer = ask(shunt);
    for (const auto& finding : answer.at("findings")) {
        looked_at += finding.at("check") == "network.lo";
        if (finding.at("check") != "network.rules") continue;
        const auto detail = finding.at("detail").get<std::string>();
        if (detail.find("more were not asked") == std::string::npos)
            ++rules;
        else
            rest = detail;
    }
    EXPECT_EQ(looked_at, pods.size() + 1) << "and the namespace of the sandbox";
    EXPECT_EQ(rules, 32u);
    EXPECT_EQ(rest, "rules were read in 32 network namespaces; 3 more were not asked");
}

}  // namespace
}  // namespace shunt::harness
