// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace shunt::cli {

std::optional<Format> parse_format(std::string_view name) {
    if (name == "table") return Format::kTable;
    if (name == "json") return Format::kJson;
    if (name == "yaml") return Format::kYaml;
    if (name == "compact") return Format::kCompact;
    return std::nullopt;
}

// A path or a name may hold any bytes; invalid UTF-8 is replaced instead of losing the whole answer to an exception.
std::string render_json(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

void Output::emit(const Json& value, const Json& table) {
    switch (format_) {
        case Format::kCompact:
        case Format::kTable: return write(render_table(table));
        case Format::kJson: return write(render_json(value));
        case Format::kYaml: return write(render_yaml(value));
    }
}

void Output::record(const Json& value) {
    switch (format_) {
        case Format::kCompact:
        case Format::kTable: return write(render_table(value) + "\n");
        case Format::kJson: return write(value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
        case Format::kYaml: return write("---\n" + render_yaml(value));
    }
}

// A pipe whose other end somebody made non-blocking (ssh does) may be full; data must not be lost for that.
static void wait_until_writable(int fd) {
    pollfd entry{fd, POLLOUT, 0};
    (void)poll(&entry, 1, -1);
}

void FileOutput::write(std::string_view bytes) {
    while (!bytes.empty() && error_ == 0) {
        const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EAGAIN)
            wait_until_writable(fd_);
        else if (errno != EINTR)
            error_ = errno;
    }
}

bool FileOutput::closed() const {
    if (error_ != 0) return true;
    // A reader that went away shows at the next write only, and for a stream that may be long after.
    pollfd end{fd_, 0, 0};
    return poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLNVAL)) != 0;
}

bool FileOutput::ready(std::chrono::milliseconds wait) const {
    static_assert(kWithoutWaiting <= PIPE_BUF);
    pollfd end{fd_, POLLOUT, 0};
    return poll(&end, 1, static_cast<int>(wait.count())) == 1 && (end.revents & POLLOUT) != 0;
}

base::Status FileOutput::finish() {
    if (error_ == 0 || error_ == EPIPE) return {};
    return tl::unexpected<base::Error>(base::errno_error("standard output", error_));
}

}  // namespace shunt::cli
