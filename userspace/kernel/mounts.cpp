// SPDX-License-Identifier: Apache-2.0
#include "kernel/mounts.h"

#include <fstream>
#include <sstream>

namespace shunt::kernel {
namespace {

// mountinfo writes blanks and backslashes as \040, \134.
std::string unescape(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

}  // namespace

base::Result<std::vector<Mount>> read_mounts() {
    std::ifstream file("/proc/self/mountinfo");
    if (!file) return base::fail("/proc/self/mountinfo cannot be read; is /proc mounted?");
    std::vector<Mount> mounts;
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields(line);
        std::string skipped;
        Mount mount;
        fields >> skipped >> skipped >> skipped >> mount.root >> mount.point;
        while (fields >> skipped && skipped != "-") {
        }
        fields >> mount.type;
        mount.root = unescape(mount.root);
        mount.point = unescape(mount.point);
        mounts.push_back(mount);
    }
    return mounts;
}

}  // namespace shunt::kernel
