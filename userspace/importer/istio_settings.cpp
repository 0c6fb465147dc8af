// SPDX-License-Identifier: Apache-2.0
#include "importer/istio_settings.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace shunt::importer {
namespace {

constexpr std::string_view kInbound = "inbound connections are out of scope here: the proxy's own listeners take them";
constexpr std::string_view kForwarded =
    "what virtual machines send is forwarded: there is no local socket whose connect() could be seen; keep "
    "istio-iptables for this pod";
constexpr std::string_view kTproxy =
    "TPROXY marks and routes inbound packets, outbound connections never use it; leave it out here and keep it where "
    "inbound is set up";
constexpr std::string_view kDns =
    "DNS is not captured: UDP port 53 goes where the application asked, TCP port 53 is treated as any other port";
constexpr std::string_view kLogging = "it sets up istio-iptables' own log; here -v shows more";

#define TRAFFIC "traffic.sidecar.istio.io/"

const IstioSetting kSettings[] = {
    {.name = "envoy-port", .short_flag = 'p'},
    {.name = "proxy-uid", .short_flag = 'u'},
    {.name = "proxy-gid", .short_flag = 'g'},
    {.name = "istio-service-cidr", .short_flag = 'i', .annotation = TRAFFIC "includeOutboundIPRanges"},
    {.name = "istio-service-exclude-cidr", .short_flag = 'x', .annotation = TRAFFIC "excludeOutboundIPRanges"},
    {.name = "istio-outbound-ports", .short_flag = 'q', .annotation = TRAFFIC "includeOutboundPorts"},
    {.name = "istio-local-outbound-ports-exclude", .short_flag = 'o', .annotation = TRAFFIC "excludeOutboundPorts"},
    {.name = "dual-stack", .boolean = true},
    {.name = "istio-dual-stack", .boolean = true, .flag = false, .same_as = "dual-stack"},
    {.name = "istio-agent-dual-stack", .boolean = true, .flag = false, .same_as = "dual-stack"},
    {.name = "istio-outbound-owner-groups", .flag = false},
    {.name = "istio-outbound-owner-groups-exclude", .flag = false},
    {.name = "istio-outbound-ipv4-loopback-cidr", .flag = false},
    {.name = "envoy-user", .flag = false},

    {.name = "istio-exclude-interfaces",
     .short_flag = 'c',
     .fate = Fate::kDiffers,
     .why = "connect() does not know the interface; add the networks behind it to excludeOutboundIPRanges",
     .annotation = TRAFFIC "excludeInterfaces"},
    {.name = "redirect-dns", .boolean = true, .fate = Fate::kDiffers, .why = kDns},
    {.name = "istio-meta-dns-capture", .boolean = true, .flag = false, .same_as = "redirect-dns"},
    {.name = "capture-all-dns", .boolean = true, .fate = Fate::kDiffers, .why = kDns},

    {.name = "kube-virt-interfaces",
     .short_flag = 'k',
     .fate = Fate::kRefused,
     .why = kForwarded,
     .annotation = TRAFFIC "kubevirtInterfaces"},
    {.name = "istio-reroute-virtual-interfaces",
     .same_as = "kube-virt-interfaces",
     .annotation = "istio.io/reroute-virtual-interfaces"},
    {.name = "istio-inbound-interception-mode",
     .short_flag = 'm',
     .fate = Fate::kRefused,
     .why = kTproxy,
     .annotation = "sidecar.istio.io/interceptionMode"},
    {.name = "istio-inbound-tproxy-mark", .short_flag = 't', .fate = Fate::kRefused, .why = kTproxy},
    {.name = "istio-inbound-tproxy-route-table", .short_flag = 'r', .fate = Fate::kRefused, .why = kTproxy},

    {.name = "inbound-capture-port", .short_flag = 'z', .fate = Fate::kIgnored, .why = kInbound},
    {.name = "inbound-tunnel-port", .short_flag = 'e', .fate = Fate::kIgnored, .why = kInbound},
    {.name = "istio-inbound-ports",
     .short_flag = 'b',
     .fate = Fate::kIgnored,
     .why = kInbound,
     .annotation = TRAFFIC "includeInboundPorts"},
    {.name = "istio-local-exclude-ports",
     .short_flag = 'd',
     .fate = Fate::kIgnored,
     .why = kInbound,
     .annotation = TRAFFIC "excludeInboundPorts"},
    {.name = "drop-invalid",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "there is no connection tracking that could call a packet invalid"},
    {.name = "invalid-drop", .boolean = true, .flag = false, .same_as = "drop-invalid"},
    {.name = "native-nftables",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "neither iptables nor nftables is used"},
    {.name = "force-iptables-binary", .fate = Fate::kIgnored, .why = "neither iptables nor nftables is used"},
    {.name = "iptables-version", .fate = Fate::kIgnored, .why = "neither iptables nor nftables is used"},
    {.name = "iptables-trace-logging",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "'shunt explain' and 'shunt counters' say what became of a connection, and why"},
    {.name = "dry-run",
     .short_flag = 'n',
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "'shunt check' and 'shunt explain' answer without changing anything"},
    {.name = "restore-format",
     .short_flag = 'f',
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "there are no rules to print; 'shunt check' looks at a configuration"},
    {.name = "skip-rule-apply",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "importing applies nothing; 'shunt run' does"},
    {.name = "run-validation",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "'shunt doctor' makes a connection and looks where it ends"},
    {.name = "iptables-probe-port", .fate = Fate::kIgnored, .why = "'shunt doctor' finds a port for its probe itself"},
    {.name = "probe-timeout", .fate = Fate::kIgnored, .why = "'shunt doctor' has a limit of its own"},
    {.name = "network-namespace",
     .fate = Fate::kIgnored,
     .why = "capture.cgroups says whose connections are captured, in whichever network namespace"},
    {.name = "cni-mode", .boolean = true, .fate = Fate::kIgnored, .why = "nothing has to be set up inside of the pod"},
    {.name = "host-nsenter-exec",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "nothing has to be set up inside of the pod"},
    {.name = "reconcile",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "'shunt run' always takes over what is there, without a gap"},
    {.name = "force-apply",
     .boolean = true,
     .fate = Fate::kIgnored,
     .why = "'shunt run' always takes over what is there, without a gap"},
    {.name = "cleanup-only", .boolean = true, .fate = Fate::kIgnored, .why = "'shunt uninstall' removes everything"},
    {.name = "output-paths", .fate = Fate::kIgnored, .why = "there are no rules to print"},
    {.name = "log_as_json", .boolean = true, .fate = Fate::kIgnored, .why = kLogging},
    {.name = "log_caller", .fate = Fate::kIgnored, .why = kLogging},
    {.name = "log_output_level", .fate = Fate::kIgnored, .why = kLogging},
    {.name = "log_stacktrace_level", .fate = Fate::kIgnored, .why = kLogging},
    {.name = "log_target", .fate = Fate::kIgnored, .why = kLogging},
};

#undef TRAFFIC

template <class Wanted>
const IstioSetting* find(Wanted wanted) {
    const auto found = std::find_if(std::begin(kSettings), std::end(kSettings), wanted);
    return found == std::end(kSettings) ? nullptr : &*found;
}

}  // namespace

std::span<const IstioSetting> istio_settings() { return kSettings; }

std::string environment_name(const IstioSetting& setting) {
    std::string name(setting.name);
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

const IstioSetting* find_setting(std::string_view name) {
    return find([&](const auto& setting) { return setting.name == name; });
}

const IstioSetting* find_flag(std::string_view long_name) {
    return find([&](const auto& setting) { return setting.flag && setting.name == long_name; });
}

const IstioSetting* find_flag(char short_name) {
    return find([&](const auto& setting) { return setting.short_flag != 0 && setting.short_flag == short_name; });
}

const IstioSetting* find_environment(std::string_view name) {
    return find([&](const auto& setting) { return environment_name(setting) == name; });
}

const IstioSetting* find_annotation(std::string_view name) {
    return find([&](const auto& setting) { return !setting.annotation.empty() && setting.annotation == name; });
}

void IstioSettings::give(const IstioSetting& setting, Given given) {
    given_.insert_or_assign(std::string(setting.same_as.empty() ? setting.name : setting.same_as), std::move(given));
}

const Given* IstioSettings::find(std::string_view name) const {
    const auto found = given_.find(name);
    return found == given_.end() ? nullptr : &found->second;
}

std::optional<bool> parse_go_bool(std::string_view text) {
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == yes) return true;
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == no) return false;
    return std::nullopt;
}

}  // namespace shunt::importer
