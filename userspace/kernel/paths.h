// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shunt::kernel {

// Where one installation of shunt lives. Several may run side by side (tests do), each with its own pair.
struct Paths {
    std::string pin_root;                // directory on a bpffs; empty: BPFFS/shunt, bpffs being found or mounted
    std::string run_dir = "/run/shunt";  // control socket
};

}  // namespace shunt::kernel
