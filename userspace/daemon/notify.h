// SPDX-License-Identifier: Apache-2.0
// What systemd is told, by the protocol of sd_notify(3).
#pragma once

#include <string>

namespace shunt::daemon {

// Sends "KEY=value" lines to NOTIFY_SOCKET; nothing where it is not set. A failure is logged at debug: the service
// manager's ignorance must not stop traffic.
void notify(const std::string& lines);

void notify_reloading();  // with the time stamp that Type=notify-reload waits for

}  // namespace shunt::daemon
