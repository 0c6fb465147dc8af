// SPDX-License-Identifier: Apache-2.0
#include "telemetry/layout.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "kernel/pins.h"

namespace shunt::telemetry {

base::Result<Layout> find_layout(const kernel::Paths& paths) {
    const auto root = kernel::pin_root(paths, false);
    if (!root) return Layout{};  // no bpffs, so nothing can be pinned
    struct stat entry {};
    if (lstat(root->c_str(), &entry) != 0) {
        if (errno == ENOENT) return Layout{*root, ""};
        return tl::unexpected<base::Error>(base::errno_error("pin directory " + *root, errno));
    }
    if (geteuid() != 0 && entry.st_uid == 0 && S_ISDIR(entry.st_mode))
        return base::fail("pin directory " + *root + ": only root may read it", base::ExitCode::kPermission);
    if (const auto checked = kernel::check_pin_directory(*root); !checked)
        return tl::unexpected<base::Error>(checked.error());
    const auto found = kernel::layout_in_force(*root);
    if (!found) return tl::unexpected<base::Error>(found.error());
    return Layout{*root, found->empty() ? "" : *root + "/" + *found};
}

bool is_locked(const std::string& directory) {
    struct stat entry {};
    if (stat(directory.c_str(), &entry) != 0) return false;
    char wanted[64];
    std::snprintf(wanted, sizeof wanted, "%02x:%02x:%llu", major(entry.st_dev), minor(entry.st_dev),
                  static_cast<unsigned long long>(entry.st_ino));
    // 1: FLOCK  ADVISORY  WRITE 1234 00:1f:5678 0 EOF; a line with "->" waits for a lock and holds none.
    std::ifstream locks("/proc/locks");
    std::string line;
    while (std::getline(locks, line)) {
        std::istringstream words(line);
        std::string number, kind, mode, access, process, file;
        words >> number >> kind >> mode >> access >> process >> file;
        if (kind == "FLOCK" && file == wanted) return true;
    }
    return false;
}

}  // namespace shunt::telemetry
