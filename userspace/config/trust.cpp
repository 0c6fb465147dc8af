// SPDX-License-Identifier: Apache-2.0
#include "config/trust.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace shunt::config {
namespace {

// sudo tells who called it, and only root could have told us otherwise.
bool is_sudo_caller(uid_t uid) {
    const char* const text = geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
    if (!text) return false;
    uid_t caller = 0;
    const char* const end = text + std::strlen(text);
    const auto read = std::from_chars(text, end, caller);
    return read.ec == std::errc{} && read.ptr == end && caller == uid;
}

// A group that is its owner's own, as most distributions make one for each user; their umask is 002 then.
bool is_private_group(uid_t owner, gid_t group) {
    if (group == 0) return true;
    const passwd* const user = getpwuid(owner);
    if (!user || user->pw_gid != group) return false;
    const struct group* const members = getgrgid(group);
    return members && (!members->gr_mem || !members->gr_mem[0]);
}

std::string mode_of(const struct stat& info) {
    char text[8];
    std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(info.st_mode & 07777));
    return text;
}

// "": nobody else.
std::string writers(const struct stat& info) {
    if (info.st_uid != 0 && info.st_uid != geteuid() && !is_sudo_caller(info.st_uid))
        return "belongs to uid " + std::to_string(info.st_uid);
    if (info.st_mode & S_IWOTH) return "others can write to it (mode " + mode_of(info) + ")";
    if (info.st_mode & S_IWGRP && !is_private_group(info.st_uid, info.st_gid))
        return "group " + std::to_string(info.st_gid) + " can write to it (mode " + mode_of(info) + ")";
    return {};
}

std::string directory_of(int file) {
    char target[PATH_MAX];
    const auto length = readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), target, sizeof target);
    const std::string path(target, length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

std::string who_else_writes(int file, const std::string& path) {
    struct stat info {};
    if (fstat(file, &info) != 0) return "nobody can tell whose it is";
    if (const auto who = writers(info); !who.empty()) return who + "; chown root " + path + " && chmod go-w " + path;
    const auto directory = directory_of(file);
    struct stat around {};
    if (directory.empty() || stat(directory.c_str(), &around) != 0) return {};  // removed meanwhile: nobody can write
    // In a sticky directory only the owner of a file can replace it.
    if (around.st_mode & S_ISVTX) return {};
    if (const auto who = writers(around); !who.empty())
        return "its directory " + directory + " " + (who.starts_with("belongs") ? who : "is not safe: " + who) +
               "; whoever writes there can put another file in its place";
    return {};
}

}  // namespace shunt::config
