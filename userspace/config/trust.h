// SPDX-License-Identifier: Apache-2.0
// May somebody else than the one who runs the controller change this file? What stands in it is done as root.
#pragma once

#include <string>

namespace shunt::config {

// Empty where only root, the caller, or the user who called sudo can write to the open file or put another one in its
// place; else who can, and the remedy: "others can write to it (mode 0666); chmod go-w FILE". The directory counts that
// holds the file itself, behind symbolic links: a ConfigMap's volume is world-writable and mounted read-only.
std::string who_else_writes(int file, const std::string& path);

}  // namespace shunt::config
