// SPDX-License-Identifier: Apache-2.0
// What is pinned and attached for the configuration in force, held by descriptors: a pin that somebody removes takes
// nothing out of the kernel, and can be put back.
#pragma once

#include <string>
#include <vector>

#include "kernel/fd.h"
#include "kernel/link.h"
#include "kernel/map.h"
#include "kernel/object.h"
#include "sync/layout.h"
#include "sync/plan.h"

namespace shunt::sync {

struct RepairReport {
    std::vector<std::string> repaired;  // what had happened, one line for each object
    std::vector<std::string> broken;    // what could not be repaired, and why
    std::vector<std::string> finished;  // what has come to its end as it should
    bool outdated = false;  // a cgroup is another one under the same path: the configuration is to be applied again
};

class Keeper {
public:
    // Takes hold of what a finished apply has pinned, instead of what was held before.
    base::Status hold(const Layout& layout, const std::vector<Attachment>& attachments);

    // Puts back what is missing: directories, pins, links that were detached from a cgroup that is still there,
    // programs that somebody exchanged. Links of cgroups that are gone are left to a new apply.
    void mend(const kernel::Object& object, const Layout& layout, RepairReport& report);

    // Do these attachments belong to the same programs and cgroups as the held ones?
    bool holds(const std::vector<Attachment>& attachments) const;

private:
    struct Link {
        Attachment attachment;
        std::string pin;
        kernel::Fd fd;
        std::uint32_t program_id = 0;
    };
    struct Map {
        std::string pin;
        kernel::RawMap map;
    };
    static base::Result<Link> open(const Attachment& attachment, const std::string& pin);
    static base::Result<std::string> mend_link(Link& link, const kernel::Object& object);  // empty: nothing was wrong

    std::vector<Link> links_;
    std::vector<Map> maps_;
};

}  // namespace shunt::sync
