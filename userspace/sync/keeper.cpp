// SPDX-License-Identifier: Apache-2.0
#include "sync/keeper.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "kernel/cgroup.h"
#include "kernel/pins.h"

namespace shunt::sync {
namespace {

bool missing(const std::string& path) { return access(path.c_str(), F_OK) != 0 && errno == ENOENT; }

}  // namespace

base::Result<Keeper::Link> Keeper::open(const Attachment& attachment, const std::string& pin) {
    auto fd = kernel::open_link(pin);
    if (!fd) return tl::unexpected(fd.error());
    auto info = kernel::link_info(*fd, pin);
    if (!info) return tl::unexpected(info.error());
    return Link{attachment, pin, std::move(*fd), info->program_id};
}

base::Status Keeper::hold(const Layout& layout, const std::vector<Attachment>& attachments) {
    std::vector<Link> links;
    for (const auto& attachment : attachments) {
        auto link = open(attachment, layout.link(attachment.program, attachment.cgroup.id));
        if (!link) return tl::unexpected(link.error());
        links.push_back(std::move(*link));
    }
    std::vector<Map> maps;
    const auto names = kernel::entries(layout.directory);
    if (!names) return tl::unexpected(names.error());
    for (const auto& name : *names) {
        const auto pin = layout.map(name);
        std::error_code gone;  // the next call says so
        if (std::filesystem::is_directory(pin, gone)) continue;
        auto map = kernel::RawMap::open_pinned(pin);
        if (!map) return tl::unexpected(map.error());
        maps.push_back({pin, std::move(*map)});
    }
    links_ = std::move(links);
    maps_ = std::move(maps);
    return {};
}

bool Keeper::holds(const std::vector<Attachment>& attachments) const {
    return std::equal(links_.begin(), links_.end(), attachments.begin(), attachments.end(),
                      [](const Link& link, const Attachment& wanted) {
                          return link.attachment.program == wanted.program &&
                                 link.attachment.cgroup.id == wanted.cgroup.id;
                      });
}

base::Result<std::string> Keeper::mend_link(Link& link, const kernel::Object& object) {
    const auto info = kernel::link_info(link.fd, link.pin);
    if (!info) return tl::unexpected(info.error());
    const auto& cgroup = link.attachment.cgroup;
    const auto label = link.attachment.program + " of " + cgroup.path;
    const auto program = object.program(link.attachment.program);
    if (!program) return tl::unexpected(program.error());
    if (info->cgroup_id != cgroup.id) {
        const auto now = kernel::find_cgroup(cgroup.path);
        if (!now || now->id != cgroup.id) return std::string();
        if (auto removed = kernel::unpin(link.pin); !removed) return tl::unexpected(removed.error());
        if (auto attached = kernel::attach(*program, cgroup, link.pin); !attached)
            return tl::unexpected(attached.error());
        auto opened = open(link.attachment, link.pin);
        if (!opened) return tl::unexpected(opened.error());
        link = std::move(*opened);
        return label + " was detached";
    }
    if (info->program_id != link.program_id) {
        if (auto replaced = kernel::replace(*program, link.fd, link.pin); !replaced)
            return tl::unexpected(replaced.error());
        return label + " was exchanged for program " + std::to_string(info->program_id);
    }
    if (!missing(link.pin)) return std::string();
    if (auto pinned = kernel::pin_link(link.fd, link.pin); !pinned) return tl::unexpected(pinned.error());
    return "pin " + link.pin + " was removed";
}

void Keeper::mend(const kernel::Object& object, const Layout& layout, RepairReport& report) {
    const auto put_back = [&](const std::string& path, const base::Status& status) {
        if (status)
            report.repaired.push_back(path + " was removed");
        else
            report.broken.push_back(status.error().message);
    };
    for (const auto& directory : {layout.directory, layout.programs(), layout.links()})
        if (missing(directory)) put_back("directory " + directory, kernel::make_pin_directory(directory));
    for (const auto& held : maps_)
        if (missing(held.pin)) put_back("pin " + held.pin, held.map.pin(held.pin));
    for (const auto* name : kProgramOrder) {
        if (!missing(layout.program(name))) continue;
        const auto program = object.program(name);
        put_back("pin " + layout.program(name), program ? kernel::pin_program(*program, layout.program(name))
                                                        : base::Status(tl::unexpected(program.error())));
    }
    for (auto& link : links_) {
        const auto mended = mend_link(link, object);
        if (!mended)
            report.broken.push_back(mended.error().message);
        else if (!mended->empty())
            report.repaired.push_back(*mended);
    }
}

}  // namespace shunt::sync
