// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace shunt::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kQuiet = FileWatcher::kQuiet;
constexpr auto kLongest = FileWatcher::kLongest;
constexpr milliseconds kAnyway{10000};  // file systems without inotify, and a directory that was itself replaced
constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR;

// Where links change (the file's own directory) and where the bytes are.
void watch_directories(int inotify, const std::filesystem::path& file) {
    std::error_code ignored;
    const auto real = std::filesystem::canonical(file, ignored);
    for (const auto& path : {file.parent_path(), real.parent_path()})
        if (!path.empty()) inotify_add_watch(inotify, path.c_str(), kEvents);  // the same one twice is one
}

void drain(int inotify) {
    alignas(inotify_event) char buffer[4096];
    while (read(inotify, buffer, sizeof buffer) > 0) {
    }
}

enum class Woken { kStop, kEvent, kTimeout };

Woken wait(int inotify, int stop, milliseconds longest) {
    pollfd both[] = {{stop, POLLIN, 0}, {inotify, POLLIN, 0}};
    const int ready = poll(both, 2, static_cast<int>(std::max<std::int64_t>(longest.count(), 0)));
    if ((both[0].revents & POLLIN) != 0) return Woken::kStop;
    return ready > 0 ? Woken::kEvent : Woken::kTimeout;
}

void follow(int inotify, int stop, const std::string& file, const std::function<void()>& changed) {
    for (;;) {
        watch_directories(inotify, file);
        if (wait(inotify, stop, kAnyway) == Woken::kStop) return;
        const auto limit = Clock::now() + kLongest;
        for (auto left = kLongest; left.count() > 0; left = std::chrono::ceil<milliseconds>(limit - Clock::now())) {
            drain(inotify);
            const auto woken = wait(inotify, stop, std::min(kQuiet, left));
            if (woken == Woken::kStop) return;
            if (woken == Woken::kTimeout) break;
        }
        drain(inotify);
        changed();
    }
}

}  // namespace

base::Result<FileWatcher> FileWatcher::start(const std::string& file, std::function<void()> changed) {
    const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify < 0) return tl::unexpected<base::Error>(base::errno_error("watch " + file + ": inotify", errno));
    const int stop = eventfd(0, EFD_CLOEXEC);
    if (stop < 0) {
        const int error = errno;
        close(inotify);
        return tl::unexpected<base::Error>(base::errno_error("watch " + file + ": eventfd", error));
    }
    std::error_code ignored;
    const std::string path = std::filesystem::absolute(file, ignored).string();
    FileWatcher watcher(inotify, stop);
    watcher.thread_ = std::thread(follow, inotify, stop, path, std::move(changed));
    return watcher;
}

FileWatcher::FileWatcher(FileWatcher&& other) noexcept
    : inotify_(std::exchange(other.inotify_, -1)),
      stop_(std::exchange(other.stop_, -1)),
      thread_(std::move(other.thread_)) {}

FileWatcher::~FileWatcher() {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
        }
        thread_.join();
    }
    if (stop_ >= 0) close(stop_);
    if (inotify_ >= 0) close(inotify_);
}

}  // namespace shunt::daemon
