// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "diagnose/checks.h"

namespace shunt::diagnose {
namespace {

constexpr const char* kAttachAgain =
    "restart 'shunt run' (systemctl restart shunt): it attaches anew what is missing, as one that runs does by itself: "
    "it looks four times a second, and with thousands of links still notices within a second";

}  // namespace

void check_installation(const Subject& subject, Findings& findings) {
    const auto& snapshot = subject.snapshot;
    const bool wanted = subject.options.mesh.has_value();
    if (!snapshot.installed) {
        findings.push_back({"installation", wanted ? State::kBroken : State::kInfo,
                            "nothing is installed: every connection goes where the application asks",
                            wanted ? "shunt run -c " + subject.options.mesh->file : "shunt run -c FILE"});
        return;
    }
    if (snapshot.generation == 0)
        findings.push_back({"installation", State::kBroken,
                            snapshot.pin_directory + ": programs without a configuration", "restart 'shunt run'"});
    else
        findings.push_back({"installation", State::kOk,
                            snapshot.pin_directory + ", generation " + std::to_string(snapshot.generation), ""});
    if (snapshot.controller_running)
        findings.push_back({"controller", State::kOk, "running: it holds the lock", ""});
    else
        findings.push_back({"controller", State::kWarn,
                            "not running: traffic goes on under the last configuration, reloads are not possible",
                            "systemctl start shunt, or shunt run -c FILE"});
}

void check_links(const Subject& subject, Findings& findings) {
    if (!subject.snapshot.installed) return;
    std::size_t attached = 0;
    bool whole = true;
    for (const auto& expected : subject.links) {
        const auto& links = subject.snapshot.links;
        const auto found =
            std::find_if(links.begin(), links.end(), [&](const auto& link) { return link.pin == expected.pin; });
        if (found != links.end() && found->attached && found->intruder.empty()) {
            ++attached;
            continue;
        }
        whole = false;
        std::string detail = expected.what + ": ";
        if (found == links.end())
            detail += "not attached, there is no pin " + expected.pin;
        else if (found->attached)
            detail += "link " + std::to_string(found->link_id) + " runs another program, " + found->intruder;
        else if (found->cgroup.empty())
            detail += "detached, its cgroup was removed";
        else
            detail += "link " + std::to_string(found->link_id) + " was detached behind the controller's back";
        findings.push_back({"links", State::kBroken, detail, kAttachAgain});
    }
    if (!whole) return;
    if (attached == 0)
        findings.push_back({"links", State::kBroken, "no program is attached", kAttachAgain});
    else
        findings.push_back({"links", State::kOk, "all " + std::to_string(attached) + " are attached", ""});
}

}  // namespace shunt::diagnose
