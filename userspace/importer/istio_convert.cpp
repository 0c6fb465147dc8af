// SPDX-License-Identifier: Apache-2.0
#include "importer/istio_convert.h"

#include <algorithm>

#include "base/text.h"
#include "config/loader.h"

namespace shunt::importer {
namespace {

using model::Placed;

constexpr std::uint32_t kIstioProxy = 1337;

class Converter {
public:
    Converter(const IstioSettings& settings, const Accounts& accounts)
        : settings_(settings), accounts_(accounts), lists_(accounts) {
        out_.mesh = config::default_mesh();
        out_.mesh.capture.include_ranges = {};
    }

    base::Result<Imported> convert(const Surroundings& surroundings, PodFamily family) {
        for (const auto& [name, given] : settings_.all()) judge(*find_setting(name), given);
        proxy(family);
        identity();
        ranges();
        ports();
        owner_groups();
        if (const auto* given = used("istio-outbound-ipv4-loopback-cidr", "capture.outboundIPv4LoopbackCIDR"))
            loopback(*given);
        apply_surroundings(surroundings, out_);
        if (!lists_.errors.empty()) return base::fail(std::move(lists_.errors), base::ExitCode::kUsage);
        out_.remarks.insert(out_.remarks.end(), lists_.remarks.begin(), lists_.remarks.end());
        return std::move(out_);
    }

private:
    // Remarks of settings that make no key. An empty value asks for nothing.
    void judge(const IstioSetting& setting, const Given& given) {
        if (setting.fate == Fate::kUsed || given.value == "false") return;
        const std::string why(setting.why);
        if (setting.name == "istio-inbound-interception-mode" && given.value != "TPROXY") return mode(given);
        if (setting.fate == Fate::kIgnored) {
            out_.remarks.push_back({false, given.origin + ": " + why});
        } else if (!lists_.items(given).empty()) {
            if (setting.fate == Fate::kDiffers)
                out_.remarks.push_back({true, given.origin + ": " + why});
            else
                lists_.error(given.origin, why);
        }
    }

    void mode(const Given& given) {
        if (given.value == "NONE")
            lists_.error(given.origin, "NONE: nothing is redirected, so there is nothing to import");
        else if (given.value.empty() || given.value == "REDIRECT")
            out_.remarks.push_back({false, given.origin + ": how inbound connections are taken is out of scope here"});
        else
            lists_.error(given.origin, base::quoted(given.value) + "; expected REDIRECT");
    }

    const Given* used(std::string_view name, const std::string& key) {
        const Given* given = settings_.find(name);
        if (given) out_.origins[key] = given->origin;
        return given;
    }

    void proxy(PodFamily family) {
        std::uint16_t port = 15001;
        if (const Given* given = used("envoy-port", "proxy.listen"); given && !given->value.empty())
            port = lists_.port(*given);
        const Given* dual = used("dual-stack", "capture.ipv6");
        const bool v6_only = family == PodFamily::kV6Only;
        const bool v6 = v6_only || (dual && dual->value == "true");
        auto& mesh = out_.mesh;
        if (!v6_only) mesh.proxy.listen_v4 = {{base::Address::v4(0), port}, {}};
        if (v6) mesh.proxy.listen_v6 = {{base::Address{}, port}, {}};
        mesh.capture.ipv6 = v6 ? model::Ipv6Mode::kCapture : model::Ipv6Mode::kBypass;
        if (v6_only)
            out_.origins["capture.ipv6"] = "--ipv6-only";
        else if (!dual)
            out_.origins["capture.ipv6"] = "no --dual-stack";
    }

    void identity() {
        auto& identity = out_.mesh.proxy.identity;
        const Given* uid = used("proxy-uid", "proxy.identity.uids");
        if (uid) identity.uids = lists_.users(*uid);
        const bool named = !identity.uids.empty();
        if (!named) identity.uids.push_back({default_uid(), {}});
        const Given* gid = used("proxy-gid", "proxy.identity.gids");
        if (gid) identity.gids = lists_.groups(*gid);
        if (!identity.gids.empty()) return;
        out_.origins["proxy.identity.gids"] = "as the users, without " + (gid ? "a value of " + gid->origin : "-g");
        // The words of -u are then read as groups, names too.
        identity.gids = named ? lists_.groups(*uid) : identity.uids;
    }

    std::uint32_t default_uid() {
        const Given* user = used("envoy-user", "proxy.identity.uids");
        const std::string name = user && !user->value.empty() ? user->value : "istio-proxy";
        return accounts_.user(name).value_or(kIstioProxy);
    }

    void ranges() {
        auto& capture = out_.mesh.capture;
        if (const Given* given = used("istio-service-cidr", "capture.includeOutboundIPRanges"))
            capture.include_ranges = lists_.ranges(*given, true);
        else
            out_.origins["capture.includeOutboundIPRanges"] = "nothing without -i";
        if (const Given* given = used("istio-service-exclude-cidr", "capture.excludeOutboundIPRanges"))
            capture.exclude_ranges = lists_.ranges(*given, false);
        drop_excluded(capture.include_ranges.ranges, capture.exclude_ranges.ranges, "capture.includeOutboundIPRanges");
    }

    void ports() {
        auto& capture = out_.mesh.capture;
        if (const Given* given = used("istio-outbound-ports", "capture.includeOutboundPorts"))
            capture.include_ports = lists_.ports(*given);
        if (const Given* given = used("istio-local-outbound-ports-exclude", "capture.excludeOutboundPorts"))
            capture.exclude_ports = lists_.ports(*given);
        drop_excluded(capture.include_ports, capture.exclude_ports, "capture.includeOutboundPorts");
    }

    // There exclusion wins without a word; a configuration refuses the contradiction.
    template <class T>
    void drop_excluded(std::vector<Placed<T>>& included, const std::vector<Placed<T>>& excluded,
                       const std::string& key) {
        std::erase_if(included, [&](const auto& item) {
            const bool both = std::any_of(excluded.begin(), excluded.end(),
                                          [&](const auto& other) { return other.value == item.value; });
            if (both)
                out_.remarks.push_back({false, out_.origins[key] + ": " + base::to_string(item.value) +
                                                   " is left out, because it is excluded too, which wins"});
            return both;
        });
    }

    void owner_groups() {
        auto& capture = out_.mesh.capture;
        const Given* include = used("istio-outbound-owner-groups", "capture.includeOutboundOwnerGroups");
        const Given* exclude = used("istio-outbound-owner-groups-exclude", "capture.excludeOutboundOwnerGroups");
        if (include && lists_.items(*include) != std::vector<std::string>{"*"}) {
            capture.include_owner_groups.all = false;
            capture.include_owner_groups.gids = lists_.groups(*include);
            if (exclude && !exclude->value.empty())
                out_.remarks.push_back(
                    {false, exclude->origin + ": not asked where " + include->origin + " names the groups to capture"});
        } else if (exclude) {
            capture.exclude_owner_groups = lists_.groups(*exclude);
        }
    }

    void loopback(const Given& given) {
        const auto items = lists_.items(given);
        if (items.empty()) return;
        if (items.size() > 1) return lists_.error(given.origin, "a list; expected one IPv4 range");
        const auto cidr = lists_.range(given, items.front());
        if (cidr && !cidr->is_v4())
            lists_.error(given.origin, base::to_string(*cidr) + " is IPv6; expected an IPv4 range");
        else if (cidr)
            out_.mesh.capture.loopback_v4 = {*cidr, {}};
    }

    const IstioSettings& settings_;
    const Accounts& accounts_;
    ListReader lists_;
    Imported out_;
};

}  // namespace

void apply_surroundings(const Surroundings& surroundings, Imported& out) {
    auto& mesh = out.mesh;
    for (const auto& cgroup : surroundings.cgroups) mesh.capture.cgroups.push_back({cgroup, {}});
    if (mesh.capture.cgroups.empty()) {
        mesh.capture.cgroups.push_back({"/mesh", {}});
        out.origins["capture.cgroups"] = "an example; --cgroup names the workload's";
        out.remarks.push_back({true, "capture.cgroups: /mesh is an example; name the workload's cgroup by --cgroup"});
    }
    if (!surroundings.proxy_cgroup.empty())
        mesh.proxy.identity.cgroup = model::Placed<std::string>{surroundings.proxy_cgroup, {}};
    for (const auto& address : surroundings.client_addresses)
        (address.is_v4() ? mesh.capture.client_address_v4 : mesh.capture.client_address_v6) =
            model::Placed<base::Address>{address, {}};
}

base::Result<Imported> convert_istio(const IstioSettings& settings, const Surroundings& surroundings, PodFamily family,
                                     const Accounts& accounts) {
    return Converter(settings, accounts).convert(surroundings, family);
}

}  // namespace shunt::importer
