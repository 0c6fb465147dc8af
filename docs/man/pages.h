// SPDX-License-Identifier: Apache-2.0
// What the manual pages say about commands and keys, made from what defines them; in scdoc's language.
#pragma once

#include <string>

namespace shunt::man {

std::string options();                                              // of every command
std::string commands();                                             // each with its --help
std::string keys(const std::string& config_md);                     // the tables of docs/config.md, given as text
std::string fill(std::string frame, const std::string& config_md);  // replaces @OPTIONS@, @COMMANDS@ and @KEYS@

}  // namespace shunt::man
