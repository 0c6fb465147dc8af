// SPDX-License-Identifier: Apache-2.0
// scopes: a cgroup with settings of its own; the deepest one that holds the caller counts.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "edge_fixture.h"
#include "harness/syscalls.h"

namespace shunt::harness {
namespace {

// A cgroup below the sandbox's, removed with this object.
class OwnCgroup {
public:
    explicit OwnCgroup(const std::string& path) : path_(path) { check(mkdir(path.c_str(), 0755), path); }
    OwnCgroup(const OwnCgroup&) = delete;
    ~OwnCgroup() { rmdir(path_.c_str()); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

const std::string kBase =
    "proxy:\n"
    "  listen: [0.0.0.0:15001, \"[::]:15001\"]\n"
    "  identity: { cgroup: /mesh/proxy }\n"
    "capture:\n"
    "  cgroups: [/mesh]\n"
    "  excludeOutboundPorts: [81]\n";

class Scopes : public testing::Test {
protected:
    Scopes() : server_(sandbox_, {80, 81, 82, 9080}), proxy_(sandbox_, {.listen = {"0.0.0.0:15001", "[::]:15001"}}) {}

    // What becomes of a connection from that cgroup: "direct", "proxy", or an errno.
    std::string fate(const std::string& cgroup, const std::string& destination) const {
        const auto outcome = dial({.netns = sandbox_.client_netns(), .cgroup = cgroup}, {.destination = destination});
        if (outcome.error != 0) return error_name(outcome.error);
        EXPECT_EQ(outcome.peer, destination) << "getpeername";
        return outcome.line.substr(0, outcome.line.find(' '));
    }

    const Sandbox sandbox_;
    const DirectServer server_;
    const ProbeProxy proxy_;
};

TEST_F(Scopes, EachHasItsOwnRules) {
    const OwnCgroup a(sandbox_.root_cgroup() + "/a"), b(sandbox_.root_cgroup() + "/b");
    RunningShunt shunt(sandbox_, kBase +
                                     "scopes:\n"
                                     "  - { cgroups: [/mesh/a], capture: { includeOutboundIPRanges: [10.9.0.0/16] } }\n"
                                     "  - cgroups: [/mesh/b]\n"
                                     "    outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }\n"
                                     "    listeners: [{ port: 9080, cluster: c }]\n"
                                     "clusters: [{ name: c }]\n");
    EXPECT_EQ(fate(sandbox_.app_cgroup(), "10.9.9.9:80"), "proxy");
    EXPECT_EQ(fate(sandbox_.app_cgroup(), "203.0.113.5:80"), "proxy");
    EXPECT_EQ(fate(sandbox_.app_cgroup(), "10.9.9.9:81"), "direct");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:80"), "proxy");
    EXPECT_EQ(fate(a.path(), "203.0.113.5:80"), "direct") << "not included there";
    EXPECT_EQ(fate(a.path(), "10.9.9.9:81"), "proxy") << "a section of its own inherits nothing";
    EXPECT_EQ(fate(b.path(), "10.9.9.9:9080"), "proxy");
    EXPECT_EQ(fate(b.path(), "10.9.9.9:80"), "ECONNREFUSED");
    EXPECT_EQ(fate(b.path(), "10.9.9.9:81"), "direct") << "the section it has not is inherited";
    const auto counters = shunt.counters();
    EXPECT_EQ(counters.sum_of_reasons(), counters.runs);
    EXPECT_EQ(counters.reasons.at("black_hole_cluster"), 1u);
}

TEST_F(Scopes, TheDeepestCountsAndItsChildrenFollow) {
    const OwnCgroup a(sandbox_.root_cgroup() + "/a"), deep(a.path() + "/deep"), leaf(deep.path() + "/leaf"),
        beside(a.path() + "/beside");
    const RunningShunt shunt(sandbox_,
                             kBase +
                                 "scopes:\n"
                                 "  - { cgroups: [/mesh/a], capture: { excludeOutboundPorts: [80] } }\n"
                                 "  - { cgroups: [/mesh/a/deep], capture: { excludeOutboundPorts: [82] } }\n");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:80"), "direct");
    EXPECT_EQ(fate(beside.path(), "10.9.9.9:80"), "direct");
    EXPECT_EQ(fate(beside.path(), "10.9.9.9:82"), "proxy");
    for (const auto& path : {deep.path(), leaf.path()}) {
        EXPECT_EQ(fate(path, "10.9.9.9:80"), "proxy") << path;
        EXPECT_EQ(fate(path, "10.9.9.9:82"), "direct") << path;
    }
}

TEST_F(Scopes, AProxyOfItsOwnOnAnotherPort) {
    const OwnCgroup a(sandbox_.root_cgroup() + "/a"), sidecar(sandbox_.root_cgroup() + "/sidecar");
    const ProbeProxy second({.netns = sandbox_.client_netns(), .cgroup = sidecar.path()},
                            {.listen = {"0.0.0.0:15101", "[::]:15101"}});
    const RunningShunt shunt(sandbox_, kBase +
                                           "scopes:\n"
                                           "  - cgroups: [/mesh/a]\n"
                                           "    proxy: { listen: [0.0.0.0:15101, \"[::]:15101\"], "
                                           "identity: { cgroup: /mesh/sidecar } }\n");
    for (const auto& [destination, family] :
         {std::pair("10.9.9.9:80", Family::kV4), std::pair("10.9.9.8:80", Family::kMapped),
          std::pair("[2001:db8:9::9]:80", Family::kV6)}) {
        const Placement place{.netns = sandbox_.client_netns(), .cgroup = a.path()};
        const auto outcome = dial(place, {.destination = destination, .family = family});
        EXPECT_EQ(outcome.line.rfind(std::string("proxy ") + destination, 0), 0u) << to_text(outcome);
        EXPECT_EQ(outcome.peer, destination);
    }
    EXPECT_EQ(second.counts().accepted, 3u);
    EXPECT_EQ(proxy_.counts().accepted, 0u);
    EXPECT_EQ(fate(sandbox_.app_cgroup(), "10.9.9.9:80"), "proxy");
    EXPECT_EQ(proxy_.counts().accepted, 1u);
    // The scope's proxy goes out unhindered, under the rules that name it.
    EXPECT_EQ(fate(sidecar.path(), "10.9.9.9:80"), "direct");
    EXPECT_EQ(shunt.counters().reasons.at("proxy_cgroup"), 1u);
    // Nobody may make up an original destination for the proxy of another scope either.
    const auto forged =
        dial(sandbox_.app(), {.destination = "127.9.0.80:15101", .source = "127.10.9.9:0", .early_port = true});
    EXPECT_EQ(forged.error, ECONNREFUSED) << to_text(forged);
    EXPECT_EQ(shunt.counters().reasons.at("forged"), 1u);
}

TEST_F(Scopes, NeedNotLieBelowACapturedCgroup) {
    const OwnCgroup a(sandbox_.root_cgroup() + "/a"), b(sandbox_.root_cgroup() + "/b");
    RunningShunt shunt(sandbox_,
                       "proxy: { listen: 0.0.0.0:15001, identity: { cgroup: /mesh/proxy } }\n"
                       "scopes: [{ cgroups: [/mesh/a] }]\n");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:80"), "proxy");
    EXPECT_EQ(fate(b.path(), "10.9.9.9:80"), "direct") << "in no captured cgroup";
    EXPECT_EQ(shunt.counters().runs, 1u);
    shunt.reload(
        "proxy: { listen: 0.0.0.0:15001, identity: { cgroup: /mesh/proxy } }\n"
        "scopes: [{ cgroups: [/mesh/b] }]\n");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:80"), "direct");
    EXPECT_EQ(fate(b.path(), "10.9.9.9:80"), "proxy");
}

TEST_F(Scopes, EgressHostsSayWhichListenersAreSeen) {
    const OwnCgroup a(sandbox_.root_cgroup() + "/a");
    const RunningShunt shunt(sandbox_, kBase +
                                           "outboundTrafficPolicy: { mode: REGISTRY_ONLY, enforcedBy: kernel }\n"
                                           "scopes: [{ cgroups: [/mesh/a], egress: { hosts: [\"prod/*\"] } }]\n"
                                           "listeners:\n"
                                           "  - { port: 80, cluster: \"outbound|80||web.prod.svc.cluster.local\" }\n"
                                           "  - { port: 9080, routeConfigName: r }\n"
                                           "  - { port: 82, cluster: \"outbound|82||db.test.svc.cluster.local\" }\n"
                                           "routes: [{ name: r, virtualHosts: [{ name: h, domains: [h], cluster: "
                                           "\"outbound|9080||api.test.svc.cluster.local\" }] }]\n"
                                           "clusters: [{ name: \"outbound|80||web.prod.svc.cluster.local\" }, "
                                           "{ name: \"outbound|82||db.test.svc.cluster.local\" }, "
                                           "{ name: \"outbound|9080||api.test.svc.cluster.local\" }]\n");
    for (const auto* destination : {"10.9.9.9:80", "10.9.9.9:82", "10.9.9.9:9080"})
        EXPECT_EQ(fate(sandbox_.app_cgroup(), destination), "proxy") << destination;
    EXPECT_EQ(fate(a.path(), "10.9.9.9:80"), "proxy");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:82"), "ECONNREFUSED");
    EXPECT_EQ(fate(a.path(), "10.9.9.9:9080"), "ECONNREFUSED");
}

// A thousand pods: each excludes a port of its own, and none the others' ones.
TEST_F(Scopes, AThousand) {
    const auto count = static_cast<int>(scaled(1000, 180));
    std::vector<std::unique_ptr<OwnCgroup>> pods;
    std::string text = kBase + "scopes:\n";
    for (int i = 0; i < count; ++i) {
        const auto name = "pod" + std::to_string(i);
        pods.push_back(std::make_unique<OwnCgroup>(sandbox_.root_cgroup() + "/" + name));
        text += "  - { name: " + name + ", cgroups: [/mesh/" + name + "], capture: { excludeOutboundPorts: [" +
                std::to_string(20000 + i) + "] } }\n";
    }
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < count; i += count / 9) ports.push_back(static_cast<std::uint16_t>(20000 + i));
    const DirectServer servers(sandbox_, ports);
    const RunningShunt shunt(sandbox_, text);
    for (int i = 0; i < count; i += count / 9) {
        for (int j = 0; j < count; j += count / 3) {
            const auto destination = "10.9.9.9:" + std::to_string(20000 + j);
            EXPECT_EQ(fate(pods[static_cast<std::size_t>(i)]->path(), destination), i == j ? "direct" : "proxy") << i;
        }
    }
    EXPECT_EQ(fate(sandbox_.app_cgroup(), "10.9.9.9:20000"), "proxy");
    const auto status = nlohmann::json::parse(shunt.command({"-o", "json", "status"}));
    std::map<std::string, int> entries;
    for (const auto& table : status.at("tables")) entries[table.at("table")] = table.at("entries");
    EXPECT_EQ(entries.at("shunt_scopes"), count + 1);
    EXPECT_EQ(entries.at("shunt_ports"), count + 1);
    EXPECT_EQ(entries.at("shunt_owners"), 0);
    // What the controller does all the time, whether anything changes or not: each cgroup is looked at once, and what
    // is pinned and attached (some forty objects) a few times.
    int calls = 0;
    for (const auto& [number, times] : syscalls_of_one_round(shunt.pid(), SYS_poll)) calls += times;
    EXPECT_GE(calls, count);
    EXPECT_LE(calls, count + 300);
}

}  // namespace
}  // namespace shunt::harness
