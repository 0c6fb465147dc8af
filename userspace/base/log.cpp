// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fmt/chrono.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string_view>

namespace shunt::base {
namespace {

using Level = spdlog::level::level_enum;

// syslog(3) priorities, as sd-daemon(3) prints them.
int priority(Level level) {
    switch (level) {
        case Level::critical: return 2;
        case Level::err: return 3;
        case Level::warn: return 4;
        case Level::info: return 6;
        default: return 7;
    }
}

std::string_view level_name(Level level) {
    switch (level) {
        case Level::critical: return "critical";
        case Level::err: return "error";
        case Level::warn: return "warning";
        case Level::info: return "info";
        case Level::debug: return "debug";
        default: return "trace";
    }
}

std::string prefix(LogStyle style, const spdlog::details::log_msg& message) {
    if (style == LogStyle::kJournal) return fmt::format("<{}>", priority(message.level));
    if (style == LogStyle::kDaemon) {
        const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
        return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<7} ", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                           (since_epoch - seconds).count(), level_name(message.level));
    }
    if (message.level == Level::info) return "shunt: ";
    return fmt::format("shunt: {}: ", level_name(message.level));
}

class LineFormatter final : public spdlog::formatter {
public:
    explicit LineFormatter(LogStyle style) : style_(style) {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const std::string start = prefix(style_, message);
        std::string_view rest(message.payload.data(), message.payload.size());
        while (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
        for (bool more = true; more;) {
            const auto newline = rest.find('\n');
            const std::string_view line = rest.substr(0, newline);
            out.append(start.data(), start.data() + start.size());
            out.append(line.data(), line.data() + line.size());
            out.push_back('\n');
            more = newline != std::string_view::npos;
            if (more) rest.remove_prefix(newline + 1);
        }
    }

    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(style_); }

private:
    LogStyle style_;
};

bool read_number(std::string_view text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_formatter(LogStyle style) { return std::make_unique<LineFormatter>(style); }

bool is_journal(const char* journal_stream, int fd) {
    if (journal_stream == nullptr) return false;
    const std::string_view text(journal_stream);
    const auto colon = text.find(':');
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    if (colon == std::string_view::npos || !read_number(text.substr(0, colon), device) ||
        !read_number(text.substr(colon + 1), inode))
        return false;
    struct stat file {};
    return fstat(fd, &file) == 0 && file.st_dev == device && file.st_ino == inode;
}

LogStyle daemon_style() {
    return is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO) ? LogStyle::kJournal : LogStyle::kDaemon;
}

void setup_log(std::ostream& stream, LogStyle style, int verbosity) {
    auto logger =
        std::make_shared<spdlog::logger>("shunt", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream, true));
    logger->set_formatter(make_formatter(style));
    logger->set_level(verbosity <= 0 ? Level::info : verbosity == 1 ? Level::debug : Level::trace);
    logger->flush_on(Level::trace);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace shunt::base
