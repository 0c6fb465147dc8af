// SPDX-License-Identifier: Apache-2.0
#include "sync/plan.h"

#include <algorithm>

namespace shunt::sync {
namespace {

bool is_below(const kernel::Cgroup& inner, const kernel::Cgroup& outer) {
    return inner.id != outer.id && inner.path.starts_with(outer.path + "/");
}

}  // namespace

int order_of(const std::string& program) {
    const auto found = std::find(kProgramOrder.begin(), kProgramOrder.end(), program);
    return found == kProgramOrder.end() ? -1 : static_cast<int>(found - kProgramOrder.begin());
}

bool is_connect(const std::string& program) { return program == "shunt_connect4" || program == "shunt_connect6"; }

base::Result<Placement> place(const model::Mesh& mesh) {
    Placement placement;
    std::vector<kernel::Cgroup> all;
    for (const auto& configured : mesh.capture.cgroups) {
        auto cgroup = kernel::find_cgroup(configured.value);
        if (!cgroup) return base::wrap(configured.place.path, cgroup.error());
        if (cgroup->level == 0)
            return base::fail(configured.place.path + ": " + configured.value +
                              " is the root of the hierarchy; kernel "
                              "sockets would be captured too. Name the workload's cgroup");
        const bool twice =
            std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.id == cgroup->id; });
        if (!twice) all.push_back(*cgroup);
    }
    for (const auto& cgroup : all) {
        const bool covered =
            std::any_of(all.begin(), all.end(), [&](const auto& other) { return is_below(cgroup, other); });
        if (covered)
            placement.dropped.push_back(cgroup.path);
        else
            placement.captured.push_back(cgroup);
    }
    if (const auto& identity = mesh.proxy.identity.cgroup) {
        auto cgroup = kernel::find_cgroup(identity->value);
        if (!cgroup) return base::wrap("proxy.identity.cgroup", cgroup.error());
        if (cgroup->level == 0)
            return base::fail("proxy.identity.cgroup: the root of the hierarchy would make every process the proxy");
        placement.proxy = *cgroup;
    }
    return placement;
}

bool needs_record_lane(const model::Mesh& mesh) {
    const auto& proxy = mesh.proxy;
    if (proxy.lane == model::LaneMode::kRecord) return true;
    if (proxy.listen_v4 && !proxy.listen_v4->value.address.is_unspecified()) return true;
    const auto ipv6 = mesh.capture.ipv6;
    return proxy.listen_v6 && (ipv6 == model::Ipv6Mode::kAuto || ipv6 == model::Ipv6Mode::kCapture);
}

std::vector<Attachment> plan(const model::Mesh& mesh, const Placement& placement) {
    std::vector<Attachment> attachments;
    const auto add = [&](const char* program, const kernel::Cgroup& cgroup) {
        attachments.push_back({program, cgroup});
    };
    const bool record = needs_record_lane(mesh);
    const bool client_address = mesh.capture.client_address_v4 || mesh.capture.client_address_v6;
    for (const auto& cgroup : placement.captured) {
        if (!placement.proxy) add("shunt_origdst", cgroup);
        if (record) add("shunt_sockops", cgroup);
        for (const char* program :
             {"shunt_peername4", "shunt_peername6", "shunt_bind4", "shunt_bind6", "shunt_connect6", "shunt_connect4"})
            add(program, cgroup);
        if (client_address)
            for (const char* program : {"shunt_sockname4", "shunt_sockname6"}) add(program, cgroup);
    }
    if (placement.proxy) {
        add("shunt_origdst", *placement.proxy);
        // A proxy below a captured cgroup has that one's programs; two of them would run twice.
        const bool covered =
            std::any_of(placement.captured.begin(), placement.captured.end(), [&](const auto& captured) {
                return captured.id == placement.proxy->id || is_below(*placement.proxy, captured);
            });
        if (!covered) {
            if (record) add("shunt_sockops", *placement.proxy);
            if (client_address)
                for (const char* program : {"shunt_peername4", "shunt_peername6"}) add(program, *placement.proxy);
        }
    }
    std::stable_sort(attachments.begin(), attachments.end(),
                     [](const auto& a, const auto& b) { return order_of(a.program) < order_of(b.program); });
    return attachments;
}

}  // namespace shunt::sync
