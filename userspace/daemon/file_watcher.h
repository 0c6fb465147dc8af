// SPDX-License-Identifier: Apache-2.0
// Says when a file may have changed, also by the swap of a link on the way to it (Kubernetes' ..data in a ConfigMap).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "base/result.h"

namespace shunt::daemon {

class FileWatcher {
public:
    static constexpr std::chrono::milliseconds kQuiet{200};
    static constexpr std::chrono::milliseconds kLongest{1000};  // of a change that never becomes quiet

    // `changed` runs in a thread of its own, after the file's surroundings have been quiet for kQuiet, and at least
    // every kLongest while they are not. It may be told of changes that are none.
    static base::Result<FileWatcher> start(const std::string& file, std::function<void()> changed);
    FileWatcher(FileWatcher&& other) noexcept;
    FileWatcher(const FileWatcher&) = delete;
    FileWatcher& operator=(const FileWatcher&) = delete;
    FileWatcher& operator=(FileWatcher&&) = delete;
    ~FileWatcher();

private:
    FileWatcher(int inotify, int stop) : inotify_(inotify), stop_(stop) {}
    int inotify_;
    int stop_;  // eventfd: readable once the thread shall end
    std::thread thread_;
};

}  // namespace shunt::daemon
