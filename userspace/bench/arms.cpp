// SPDX-License-Identifier: Apache-2.0
#include "bench/arms.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "config/loader.h"

namespace shunt::bench {
namespace {

struct Tool {
    const char* restore;   // reads the IPv4 rules
    const char* restore6;  // reads the IPv6 rules
    const char* save;
    const char* save6;
    const char* package;
};

constexpr Tool kLegacy{"iptables-legacy-restore", "ip6tables-legacy-restore", "iptables-legacy-save",
                       "ip6tables-legacy-save", "iptables"};
constexpr Tool kOverNft{"iptables-nft-restore", "ip6tables-nft-restore", "iptables-nft-save", "ip6tables-nft-save",
                        "iptables"};

const Tool& tool_of(Mechanism mechanism) { return mechanism == Mechanism::kIptablesLegacy ? kLegacy : kOverNft; }

// "[12:720] -A ISTIO_REDIRECT -p tcp ...": packets of a nat rule, which are connections.
base::Result<std::uint64_t> iptables_hits(const std::string& saved) {
    std::istringstream lines(saved);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("[") && line.find("] -A ISTIO_REDIRECT ") != std::string::npos)
            return std::stoull(line.substr(1));
    return base::fail("no rule of chain ISTIO_REDIRECT is in the packet filter any more");
}

base::Result<std::uint64_t> nftables_hits(const std::string& listed) {
    const auto json = nlohmann::json::parse(listed, nullptr, false);
    if (json.is_object() && json.contains("nftables"))
        for (const auto& object : json["nftables"]) {
            if (!object.contains("rule") || object["rule"].value("chain", "") != "istio-redirect") continue;
            for (const auto& word : object["rule"]["expr"])
                if (word.contains("counter")) return word["counter"].value("packets", std::uint64_t{0});
        }
    return base::fail("no counting rule of chain istio-redirect is in the packet filter any more");
}

base::Result<std::uint64_t> shunt_hits(const kernel::Paths& paths) {
    auto counters = telemetry::read_counters(paths);
    if (!counters) return tl::unexpected(counters.error());
    std::uint64_t hits = 0;
    for (const auto& [reason, count] : counters->reasons)
        if (shunt_verdict_of(reason) == SHUNT_VERDICT_REDIRECT) hits += count;
    return hits;
}

base::Status load_rules(const Seat& seat, const std::string& program, const std::string& rules) {
    auto loaded = run_program(seat, {find_program(program), "-w", "10"}, rules);
    if (!loaded) return tl::unexpected(loaded.error());
    return {};
}

}  // namespace

const std::vector<ArmSpec>& all_arms() {
    static const std::vector<ArmSpec> arms{
        {"direct", Mechanism::kNone, "the proxy on loopback addresses, no redirection"},
        {"direct-again", Mechanism::kNone, "the same once more: what differs from direct is noise"},
        {"iptables-legacy", Mechanism::kIptablesLegacy, "Istio's chains with the policy, legacy backend"},
        {"iptables-legacy-idle", Mechanism::kIptablesLegacy,
         "the same with few closed connections in conntrack, as at a low rate", true, true, false, true},
        {"iptables-legacy-bare", Mechanism::kIptablesLegacy, "Istio's chains with default flags", false},
        {"iptables-nft", Mechanism::kIptablesNft, "Istio's chains with the policy, nf_tables backend"},
        {"nftables", Mechanism::kNftables, "Istio's native nftables mode with the policy"},
        {"shunt-address", Mechanism::kShunt, "address lane with the policy, proxy on IPv4", true, false},
        {"shunt-dual", Mechanism::kShunt, "address lane with the policy, proxy on IPv4 and IPv6"},
        {"shunt-record", Mechanism::kShunt, "record lane with the policy", true, true, true},
    };
    return arms;
}

std::string missing_for(const ArmSpec& spec) {
    std::vector<const char*> programs;
    const char* package = "iptables";
    switch (spec.mechanism) {
        case Mechanism::kNone:
        case Mechanism::kShunt: return {};
        case Mechanism::kNftables:
            programs = {"nft"};
            package = "nftables";
            break;
        case Mechanism::kIptablesLegacy:
        case Mechanism::kIptablesNft: {
            const auto& tool = tool_of(spec.mechanism);
            programs = {tool.restore, tool.restore6, tool.save, tool.save6};
        }
    }
    for (const char* program : programs)
        if (find_program(program).empty()) return std::string(program) + " is not installed (package " + package + ")";
    return {};
}

std::vector<Family> Arm::families(const std::vector<Family>& wanted) const {
    std::vector<Family> list{Family::kV4, Family::kMapped};
    if (spec_.v6 && netns_.v6) list.push_back(Family::kV6);
    std::erase_if(list, [&](Family family) {
        return !wanted.empty() && std::find(wanted.begin(), wanted.end(), family) == wanted.end();
    });
    return list;
}

base::Result<Arm> Arm::start(const Workplace& place, const ArmSpec& spec, const PolicySize& size, int cpu,
                             const std::optional<PolicySize>& dialled, const std::string& folder, Ends ends) {
    Arm arm;
    arm.spec_ = spec;
    arm.folder_ = folder.empty() ? spec.name : folder;
    arm.size_ = spec.policy ? size : kNoPolicy;
    const auto wrapped = [&](const base::Error& error) { return base::wrap("arm " + spec.name, error); };
    if (auto made = place.make_cgroups(arm.folder_); !made) return wrapped(made.error());
    auto netns = make_netns();
    if (!netns) return wrapped(netns.error());
    arm.netns_ = std::move(*netns);
    const DialSetting setting{dialled.value_or(size), spec.mechanism == Mechanism::kNone, spec.v6 && arm.netns_.v6};
    const int ns = arm.netns_.fd.get();
    if (ends == Ends::kDialled) {
        auto proxy = start_proxy({.netns = ns, .cgroup = place.proxy(arm.folder_), .cpu = cpu}, spec.name, setting);
        if (!proxy) return tl::unexpected(proxy.error());
        arm.proxy_ = std::move(*proxy);
    }
    if (auto done = arm.redirect(place); !done) return wrapped(done.error());
    // Entries of closed connections stay for ten seconds, and at a benchmark's rate NAT spends much of its time looking
    // for a source port that is free among them. That is what sustained load costs; the other arm shows a low rate.
    if (spec.forgets)
        if (auto set = set_sysctl(arm.netns_, "netfilter/nf_conntrack_tcp_timeout_close", "1"); !set)
            return wrapped(set.error());
    if (ends == Ends::kNone) return arm;
    auto client = start_client({.netns = ns, .cgroup = place.app(arm.folder_), .cpu = cpu}, spec.name, setting);
    if (!client) return tl::unexpected(client.error());
    arm.client_ = std::move(*client);
    return arm;
}

base::Status Arm::load_filter() const {
    const Seat seat{.netns = netns_.fd.get()};
    const auto flags = istio_flags(size_);
    if (spec_.mechanism == Mechanism::kNftables) {
        auto loaded = run_program(seat, {find_program("nft"), "-f", "-"}, istio_nftables(flags));
        return loaded ? base::Status{} : tl::unexpected(loaded.error());
    }
    const auto& tool = tool_of(spec_.mechanism);
    if (auto v4 = load_rules(seat, tool.restore, istio_iptables(flags, false)); !v4) return v4;
    return netns_.v6 ? load_rules(seat, tool.restore6, istio_iptables(flags, true)) : base::Status{};
}

std::string Arm::configuration(const Workplace& place, unsigned listeners) const {
    auto size = size_;
    size.listeners += listeners;
    return shunt_config(
        size, {place.configured(folder_), place.configured(folder_) + "/proxy", spec_.record, spec_.v6 && netns_.v6});
}

base::Status Arm::redirect(const Workplace& place) {
    if (spec_.mechanism == Mechanism::kNone) return {};
    if (spec_.mechanism != Mechanism::kShunt) return load_filter();
    auto loaded = config::load_text(configuration(place, 0), spec_.name + ".yaml");
    if (!loaded) return tl::unexpected(loaded.error());
    paths_ = {place.bpffs() + "/" + folder_, place.directory()};
    sync::ApplyReport report;
    auto controller = sync::Controller::start(paths_, loaded->mesh, report);
    if (!controller) return tl::unexpected(controller.error());
    controller_ = std::move(*controller);
    return {};
}

base::Result<double> Arm::apply_change(const Workplace& place) {
    using Clock = std::chrono::steady_clock;
    if (spec_.mechanism == Mechanism::kNone || spec_.mechanism == Mechanism::kNftables) return 0;
    const auto loaded = config::load_text(configuration(place, 1), spec_.name + ".yaml");
    if (!loaded) return tl::unexpected(loaded.error());
    const auto start = Clock::now();
    if (controller_) {
        if (auto applied = controller_->apply(loaded->mesh); !applied) return tl::unexpected(applied.error());
    } else if (auto reloaded = load_filter(); !reloaded) {
        return tl::unexpected(reloaded.error());
    }
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

base::Result<std::optional<std::uint64_t>> Arm::hits() const {
    const Seat seat{.netns = netns_.fd.get()};
    base::Result<std::uint64_t> total = 0;
    switch (spec_.mechanism) {
        case Mechanism::kNone: return std::optional<std::uint64_t>();
        case Mechanism::kShunt: total = shunt_hits(paths_); break;
        case Mechanism::kNftables: {
            auto listed = run_program(
                seat, {find_program("nft"), "-j", "list", "chain", "inet", "istio-proxy-nat", "istio-redirect"});
            if (!listed) return tl::unexpected(listed.error());
            total = nftables_hits(*listed);
            break;
        }
        case Mechanism::kIptablesLegacy:
        case Mechanism::kIptablesNft:
            for (const char* program : {tool_of(spec_.mechanism).save, tool_of(spec_.mechanism).save6}) {
                if (!netns_.v6 && std::string(program).starts_with("ip6")) continue;
                auto saved = run_program(seat, {find_program(program), "-c", "-t", "nat"});
                if (!saved) return tl::unexpected(saved.error());
                auto counted = iptables_hits(*saved);
                if (!counted) return tl::unexpected(counted.error());
                total = *total + *counted;
            }
    }
    if (!total) return base::wrap("arm " + spec_.name, total.error());
    return std::optional<std::uint64_t>(*total);
}

}  // namespace shunt::bench
