// SPDX-License-Identifier: Apache-2.0
#include "config/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/text.h"
#include "config/trust.h"

namespace shunt::config {
namespace {

constexpr int kLooks = 4;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }

private:
    int number_;
};

base::Error unreadable(const std::string& path) {
    base::Error error = base::errno_error(path, errno);
    error.message += "; expected a readable file";
    error.code = base::ExitCode::kFailure;
    return error;
}

// Bytes of the UTF-8 sequence that begins here; 0 where it is none (overlong forms and surrogates included).
std::size_t utf8_length(std::string_view rest) {
    const auto byte = [&](std::size_t i) {
        return i < rest.size() ? static_cast<std::uint8_t>(rest[i]) : std::uint8_t{0};
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const bool overlong = lead == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = lead == 0xed && byte(1) > 0x9f;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const bool overlong = lead == 0xf0 && byte(1) < 0x90;
        const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

// What is wrong at `at`, empty where nothing is; `length` is the number of bytes looked at.
std::string offence(std::string_view line, std::size_t at, std::size_t& length) {
    length = utf8_length(line.substr(at));
    if (length == 0) return "a byte that is not UTF-8; expected UTF-8 text";
    const auto byte = static_cast<std::uint8_t>(line[at]);
    if (byte == 0) return "a NUL byte; expected text";
    if (byte == '\r' && at + 1 == line.size()) return {};
    if (byte == '\r') return "a carriage return inside a line; expected lines that end with LF or CR LF";
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
        return "control character " + base::quoted(line.substr(at, 1)) + "; expected text";
    return {};
}

base::Result<std::string> read_from_start(int file, const std::string& path) {
    std::string text;
    char buffer[1 << 16];
    while (text.size() <= kMaxBytes) {
        const ssize_t count = pread(file, buffer, sizeof buffer, static_cast<off_t>(text.size()));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return tl::unexpected<base::Error>(unreadable(path));
        if (count == 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
}

}  // namespace

base::Result<std::string> read_source(const std::string& path, Writers writers) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (file.number() < 0) return tl::unexpected<base::Error>(unreadable(path));
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return tl::unexpected<base::Error>(unreadable(path));
    if (S_ISDIR(status.st_mode)) return base::fail(path + ": is a directory; expected a file");
    if (S_ISFIFO(status.st_mode)) return base::fail(path + ": is a FIFO; expected a regular file");
    if (!S_ISREG(status.st_mode)) return base::fail(path + ": is a device or a socket; expected a regular file");
    if (writers == Writers::kTrusted)
        if (const auto who = who_else_writes(file.number(), path); !who.empty())
            return base::fail(path + ": refused, " + who, base::ExitCode::kConfigInvalid);
    // A file that an editor writes into may be half old and half new. Two looks that agree are one state of it.
    auto text = read_from_start(file.number(), path);
    for (int look = 1; text && look < kLooks; ++look) {
        auto again = read_from_start(file.number(), path);
        if (!again || *again == *text) return again;
        text = std::move(again);
    }
    if (!text) return text;
    return base::fail(path + ": changed while it was read; expected a file that is replaced as a whole, as mv does");
}

std::string_view without_bom(std::string_view text) { return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text; }

void check_source(std::string_view text, Problems& problems) {
    if (text.size() > kMaxBytes) {
        problems.error({1, 1, ""}, "larger than 64 MiB; expected at most " + std::to_string(kMaxBytes) + " bytes");
        return;
    }
    int number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto first = line.find_first_not_of(" \t\r");
        const auto tab = line.substr(0, first).find('\t');
        if (first != std::string_view::npos && line[first] != '#' && tab != std::string_view::npos)
            problems.error({number, static_cast<int>(tab) + 1, ""}, "a tab in the indentation; expected spaces");
        for (std::size_t at = 0, length = 0; at < line.size(); at += length) {
            const std::string wrong = offence(line, at, length);
            if (wrong.empty()) continue;
            problems.error({number, static_cast<int>(at) + 1, ""}, wrong);
            break;
        }
    }
}

}  // namespace shunt::config
