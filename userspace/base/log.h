// SPDX-License-Identifier: Apache-2.0
// The one place where spdlog is set up. Everything below main() logs through spdlog::info() and friends.
#pragma once

#include <spdlog/common.h>

#include <memory>
#include <ostream>

namespace shunt::base {

enum class LogStyle {
    kCommand,  // "shunt: warning: text": words of a command that ends soon
    kDaemon,   // "2026-01-31T12:00:00.123Z warning text"
    kJournal,  // "<4>text": journald reads the level from the prefix and has its own clock
};

// Two messages of several lines stay readable: every line of a message carries the prefix.
std::unique_ptr<spdlog::formatter> make_formatter(LogStyle style);

// True where `journal_stream` (the value of JOURNAL_STREAM, "device:inode", or null) names the file behind `fd`. A
// service that redirects its stderr keeps the variable but not the stream, so the variable alone proves nothing.
bool is_journal(const char* journal_stream, int fd);

// kDaemon becomes kJournal where stderr is the journal.
LogStyle daemon_style();

// verbosity 0: info, 1: debug, 2 and more: trace. `stream` must outlive the last message.
void setup_log(std::ostream& stream, LogStyle style, int verbosity);

}  // namespace shunt::base
