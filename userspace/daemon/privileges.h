// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace shunt::daemon {

// Gives up what a controller that is installed no longer needs, for this thread and those it will start: all
// capabilities but CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_RESOURCE (CAP_SYS_ADMIN only where it stands for
// CAP_BPF or CAP_PERFMON), also from the bounding set, and the right to gain any by execve() (no_new_privs).
base::Status drop_privileges();

}  // namespace shunt::daemon
